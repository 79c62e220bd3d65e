import type { MessageView, Reply } from 'node-spoe'
import { describe, expect, it } from 'vitest'
import { Actors } from '../../agent/actor/actors.ts'
import { checkFallback, checkHandler } from '../../agent/check.ts'
import type { CHECK_ARGUMENTS } from '../../agent/evidence.ts'
import { DecisionCounters } from '../../agent/counters.ts'
import type { Command } from '../../agent/dispatch/command.ts'
import type { Dispatcher } from '../../agent/dispatch/dispatcher.ts'
import type { AuthResult } from '../../agent/identity/identity.ts'
import type { Wording } from '../../agent/rules/variables.ts'
import { authenticatorOf, identityOf, rulesOf } from './rules/support.ts'

const RULES = `rules:
  - { name: public, match: { path: "/public/**" }, identity: none }
  - name: order
    match: { path: "/orders/**" }
    identity: { require: corp, scopes: ["orders:write"] }
    set: { plan: identity.claims.plan, level: identity.claims.level, teams: identity.claims.teams, missing: identity.claims.nope }
    route: orders
    workflow: { start: requestHook, delivery: durable }
  - { name: refused, match: { path: "/refused" }, deny: 403, workflow: { signal: auditTrail, key: connection.source } }
  - { name: metered, match: { path: "/api" }, identity: { require: corp }, workflow: { meter: usageMeter, key: identity.claims.account } }
`

const WORDING: Wording = {
  realm: 'test',
  retryAfterS: () => 7,
  dpopNonce: () => 'nonce',
  rateLimitKey: undefined,
  resourceMetadata: () => undefined,
}

/** The handler with a recording reply and dispatcher. */
function setUp(answer: AuthResult | Promise<AuthResult>, options: { full?: boolean } = {}) {
  const ruleSet = rulesOf(RULES)
  const counters = new DecisionCounters(ruleSet.rules)
  const commands: Command[] = []
  const dispatcher = {
    dispatch: (command: Command) => options.full !== true && commands.push(command) > 0,
  } as unknown as Dispatcher
  const handler = checkHandler({
    ruleSet,
    authenticator: authenticatorOf(() => answer),
    dispatcher,
    counters,
    actors: new Actors(),
    wording: WORDING,
  })
  const vars: Record<string, unknown> = {}
  const reply = {
    settled: false,
    setVar(scope: string, name: string, value: unknown) {
      expect(scope).toBe('txn')
      vars[name] = value
    },
    unsetVar(_: string, name: string) {
      delete vars[name]
    },
    overflows: false,
  }
  const send = (args: Record<string, unknown>): void | Promise<void> => {
    const full = {
      id: '6B00-1',
      method: 'GET',
      host: 'www.example.com',
      path: '/',
      query: '',
      src: '192.0.2.1',
      tls: true,
      auth_count: 0,
      ...args,
    }
    const view = { get: (name: string) => full[name as keyof typeof full] } as unknown as MessageView<
      typeof CHECK_ARGUMENTS
    >
    return handler.handle(view, reply as unknown as Reply)
  }
  return { send, vars, commands, reply, counters }
}

const alice: AuthResult = {
  ok: true,
  identity: identityOf({
    roles: ['buyer', 'a,b'],
    scopes: ['orders:write'],
    claims: { plan: 'gold', level: 3, teams: ['x', 'y'], account: 'acc-1' },
  }),
}

const CREDENTIAL = { path: '/orders/1', auth: 'Bearer x', auth_count: 1 }

describe('the check message', () => {
  it('hands on what the provider maps to variables', () => {
    const { send, vars } = setUp({
      ok: true,
      identity: identityOf({ scopes: ['orders:write'], variables: { org: 'x', level: 3 } }),
    })
    void send(CREDENTIAL)
    expect(vars).toMatchObject({ org: 'x', level: 3 })
  })

  it('tells how long to wait while keys are missing', () => {
    const { send, vars } = setUp({ ok: false, reason: 'keys_unavailable' })
    void send(CREDENTIAL)
    expect(vars).toMatchObject({ status: 503, retry_after: 7 })
  })

  it('gives the nonce that a proof lacks', () => {
    const { send, vars } = setUp({ ok: false, reason: 'dpop_nonce_required' })
    void send(CREDENTIAL)
    expect(vars).toMatchObject({
      status: 401,
      dpop_nonce: 'nonce',
      challenge: expect.stringMatching(/^DPoP .*use_dpop_nonce/),
    })
  })

  it('is answered at once, with the variables of an allow', () => {
    const { send, vars, commands } = setUp(alice)
    expect(send({ path: '/orders/1', method: 'POST', auth: 'Bearer x', auth_count: 1 })).toBeUndefined()
    expect(vars).toEqual({
      decision: 'allow',
      reason: 'ok',
      rule: 'order',
      route: 'orders',
      provider: 'corp',
      subject: 'alice',
      issuer: 'https://id.example.com',
      tenant: 'acme',
      roles: 'buyer',
      plan: 'gold',
      level: 3,
      teams: 'x,y',
      event_id: 'order/6B00-1',
      workflow_id: 'order/6B00-1',
    })
    expect(commands).toMatchObject([
      {
        kind: 'start',
        workflowType: 'requestHook',
        workflowId: 'order/6B00-1',
        delivery: 'durable',
        event: {
          id: 'order/6B00-1',
          type: 'order',
          request: { method: 'POST', path: '/orders/1', source: '192.0.2.1' },
          actor: { v: 1, type: 'jwt', subject: 'alice', tenant: 'acme', requestId: '6B00-1', rule: 'order' },
          vars: { plan: 'gold', level: 3, teams: 'x,y' },
        },
      },
    ])
  })

  it('names no caller on a route that asks for none, even when a token came', () => {
    const { send, vars, commands } = setUp(alice)
    void send({ path: '/public/x', auth: 'Bearer x', auth_count: 1 })
    expect(vars).toEqual({ decision: 'allow', reason: 'ok', rule: 'public' })
    expect(commands).toEqual([])
  })

  it('carries status, reason and challenge of a denial, and starts nothing', () => {
    const { send, vars, commands } = setUp({ ok: false, reason: 'no_credentials' })
    void send({ path: '/orders/1' })
    expect(vars).toEqual({
      decision: 'deny',
      reason: 'no_credentials',
      status: 401,
      challenge: 'Bearer realm="test"',
      rule: 'order',
    })
    expect(commands).toEqual([])
  })

  it('names the scope that a token lacks', () => {
    const { send, vars } = setUp({ ok: true, identity: identityOf() })
    void send({ path: '/orders/1' })
    expect(vars).toMatchObject({ decision: 'deny', status: 403, reason: 'insufficient_scope', subject: 'alice' })
    expect(vars['challenge']).toContain('scope="orders:write"')
    expect(vars).not.toHaveProperty('route')
  })

  it('starts the workflow of a rule that denies', () => {
    const { send, vars, commands } = setUp(alice)
    void send({ path: '/refused' })
    expect(vars).toMatchObject({ decision: 'deny', reason: 'policy_denied', workflow_id: 'refused/192.0.2.1' })
    expect(commands).toMatchObject([{ kind: 'signal', key: '192.0.2.1', event: { actor: { type: 'anonymous' } } }])
  })

  it('keys an entity by its expression, and keeps events whose key is missing together', () => {
    const known = setUp(alice)
    void known.send({ path: '/api' })
    expect(known.commands).toMatchObject([{ kind: 'meter', key: 'acc-1', workflowId: 'metered/acc-1' }])
    const unknown = setUp({ ok: true, identity: identityOf() })
    void unknown.send({ path: '/api' })
    expect(unknown.commands).toMatchObject([{ key: '~none', workflowId: 'metered/~none' }])
  })

  it('says nothing of an event that was shed', () => {
    const { send, vars } = setUp(alice, { full: true })
    void send({ path: '/orders/1' })
    expect(vars).toMatchObject({ decision: 'allow' })
    expect(vars).not.toHaveProperty('event_id')
  })

  it('refuses a path that servers disagree about, whoever calls', () => {
    const { send, vars } = setUp(alice)
    void send({ path: '/public/../orders' })
    expect(vars).toEqual({ decision: 'deny', status: 400, reason: 'ambiguous_path' })
  })

  it('refuses a host that servers may read in two ways', () => {
    const { send, vars } = setUp(alice)
    void send({ path: '/public/x', host: 'a.example.com:80:80' })
    expect(vars).toEqual({ decision: 'deny', status: 400, reason: 'ambiguous_host' })
  })

  it('fails, and so denies, when spoe.conf lacks an argument that rules need', () => {
    const { send } = setUp(alice)
    expect(() => send({ path: '/public/x', method: undefined })).toThrow(/"method"/)
    expect(() => send({ path: '/public/x', auth: 'Bearer x', auth_count: undefined })).toThrow(/"auth_count"/)
  })

  it('lets nothing happen for an answer that does not fit', () => {
    const { send, commands, reply } = setUp(alice)
    reply.overflows = true
    void send({ path: '/orders/1' })
    expect(commands).toEqual([])
  })

  it('keeps the query string out of events unless the rule asks for it', () => {
    const { send, commands } = setUp(alice)
    void send({ path: '/orders/1', query: 'access_token=secret' })
    expect(JSON.stringify(commands)).not.toContain('secret')
  })

  it('sets the decision last: a list that HAProxy cuts short must not be an allow', () => {
    const { send, vars } = setUp(alice)
    void send({ path: '/orders/1' })
    expect(Object.keys(vars).at(-1)).toBe('decision')
  })

  it('matches the path that the server will see', () => {
    const { send, vars } = setUp(alice)
    void send({ path: '//%6frders/1' })
    expect(vars).toMatchObject({ rule: 'order' })
  })

  it('makes an id when HAProxy sends none, time first', () => {
    const { send, vars } = setUp(alice)
    void send({ path: '/orders/1', id: undefined })
    expect(vars['event_id']).toMatch(/^order\/[0-9A-F]{8}-[0-9a-f-]{36}$/)
  })

  it('waits for the first sight of a token, and then answers the same', async () => {
    const { send, vars } = setUp(Promise.resolve(alice))
    const answer = send({ path: '/orders/1' })
    expect(vars).toEqual({})
    await answer
    expect(vars).toMatchObject({ decision: 'allow', rule: 'order' })
  })

  it('does nothing after the deadline has answered for it: the request was refused', async () => {
    const { send, vars, commands, reply, counters } = setUp(Promise.resolve(alice))
    const answer = send({ path: '/orders/1' })
    reply.settled = true
    await answer
    expect(vars).toEqual({})
    expect(commands).toEqual([])
    expect([...counters.decisions()].filter(({ count }) => count > 0)).toEqual([])
  })

  it('counts decisions by rule and reason', () => {
    const { send, counters } = setUp(alice)
    void send({ path: '/public/a' })
    void send({ path: '/public/b' })
    void send({ path: '/nowhere' })
    expect([...counters.decisions()].filter(({ count }) => count > 0)).toEqual([
      { rule: '(none)', reason: 'default_denied', count: 1 },
      { rule: 'public', reason: 'ok', count: 2 },
    ])
  })
})

it.each([
  ['deadline', 'timeout'],
  ['error', 'internal_error'],
  ['overload', 'overload'],
] as const)('on %s the answer is 503 with the reason %s', (cause, reason) => {
  const counters = new DecisionCounters([])
  const vars: Record<string, unknown> = {}
  checkFallback(
    counters,
    WORDING,
    40,
  )(
    { message: 'check', setVar: (_: string, name: string, value: unknown) => (vars[name] = value) } as unknown as Reply,
    cause,
  )
  expect(vars).toEqual({ decision: 'deny', status: 503, reason, retry_after: 1 })
  expect([...counters.decisions()].filter(({ count }) => count > 0)).toEqual([{ rule: '(none)', reason, count: 1 }])
})

it('an outcome that nobody could take in changes no decision', () => {
  const counters = new DecisionCounters([])
  const reply = {
    message: 'outcome',
    setVar() {
      throw new Error('must not be called')
    },
  }
  checkFallback(counters, WORDING, 40)(reply as unknown as Reply, 'overload')
  expect([...counters.decisions()].filter(({ count }) => count > 0)).toEqual([])
})
