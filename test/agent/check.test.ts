import type { MessageView, Reply } from 'node-spoe'
import { describe, expect, it } from 'vitest'
import { Actors } from '../../agent/actor/actors.ts'
import type { AuditDecision } from '../../agent/audit/decision.ts'
import type { AuditSink } from '../../agent/audit/audit.ts'
import { checkFallback, checkHandler, type CheckOptions } from '../../agent/check.ts'
import type { CHECK_ARGUMENTS, Question } from '../../agent/evidence.ts'
import { DecisionCounters } from '../../agent/counters.ts'
import type { Command } from '../../agent/dispatch/command.ts'
import type { Dispatcher, LeftOut } from '../../agent/dispatch/dispatcher.ts'
import type { AuthResult } from '../../agent/identity/identity.ts'
import { authenticatorOf, identityOf, rulesOf, WORDING } from './rules/support.ts'

const RULES = `rules:
  - { name: public, match: { path: "/public/**" }, identity: none }
  - name: order
    match: { path: "/orders/**" }
    identity: { require: corp, scopes: ["orders:write"] }
    set: { plan: identity.claims.plan, level: identity.claims.level, teams: identity.claims.teams, missing: identity.claims.nope }
    route: orders
    workflow: { start: requestHook, delivery: durable }
  - { name: refused, match: { path: "/refused" }, deny: 403, workflow: { signal: auditTrail, key: connection.source } }
  - name: dear
    match: { path: "/dear" }
    identity: { require: corp }
    workflow: { signal: auditTrail, key: identity.claims.account, budget: { actions: 5, then: { window: w, every: 10s } } }
  - name: trap
    match: { path: "/trap" }
    deny: 404
    workflow: { signal: auditTrail, key: connection.source, budget: { actions: 5, then: { window: w, every: 10s } } }
  - name: gate
    on: connection
    identity: none
    workflow: { signal: auditTrail, key: connection.source, budget: { actions: 5, then: { window: w, every: 10s } } }
  - { name: metered, match: { path: "/api" }, identity: { require: corp }, workflow: { meter: usageMeter, key: identity.claims.account } }
`

const WITH_NONCE = { ...WORDING, dpopNonce: () => 'nonce' }

/** The handler with a recording reply and dispatcher. */
function setUp(
  answer: AuthResult | Promise<AuthResult>,
  options: { full?: boolean; share?: number; question?: Question } = {},
) {
  const ruleSet = rulesOf(RULES)
  const counters = new DecisionCounters(ruleSet.rules)
  const commands: Command[] = []
  const leftOut: string[] = []
  const begun: string[] = []
  const records: AuditDecision[] = []
  const audit = { decision: (record: AuditDecision) => void records.push(record) } as Partial<AuditSink> as AuditSink
  const dispatcher = {
    dispatch: (command: Command) => options.full !== true && commands.push(command) > 0,
    leaveOut: (rule: string, why: LeftOut) => void leftOut.push(`${rule}: ${why}`),
  } as unknown as Dispatcher
  const checkOptions: CheckOptions = {
    ruleSet,
    authenticator: authenticatorOf(() => answer),
    dispatcher,
    windows: { begin: (rule: string, key: string) => void begun.push(`${rule}/${key}`) },
    budgets: { share: () => options.share ?? 1 },
    deadlineMs: 40,
    counters,
    actors: new Actors(),
    wording: WITH_NONCE,
    audit,
  }
  const handler = checkHandler(checkOptions, options.question)
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
    const type = (name: string): number | undefined => (name in full ? 8 : undefined)
    const view = { get: (name: string) => full[name as keyof typeof full], type } as unknown as MessageView<
      typeof CHECK_ARGUMENTS
    >
    return handler.handle(view, reply as unknown as Reply)
  }
  return { send, vars, commands, reply, counters, records, leftOut, begun }
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
    // The rule sets "level" itself, to what the claims do not have.
    expect(vars).toMatchObject({ org: 'x' })
    expect(vars).not.toHaveProperty('level')
  })

  it('counts a request beyond the budget in a window instead of making its event', () => {
    const { send, vars, commands, leftOut, begun, records } = setUp(alice, { share: 0.000001 })
    void send({ path: '/dear', auth: 'Bearer x', auth_count: 1 })
    expect(commands).toEqual([])
    expect(leftOut).toEqual(['dear: windowed'])
    expect(begun).toEqual(['dear/acc-1'])
    expect(vars).toMatchObject({ decision: 'allow', wkey: 'acc-1', at: expect.any(BigInt) })
    expect(vars).not.toHaveProperty('event_id')
    expect(records).toMatchObject([{ effect: undefined }])
  })

  it('makes the event and no window while the budget holds', () => {
    const { send, vars, commands, leftOut, begun } = setUp(alice)
    void send({ path: '/dear', auth: 'Bearer x', auth_count: 1 })
    expect(commands).toHaveLength(1)
    expect([...leftOut, ...begun]).toEqual([])
    expect(vars).not.toHaveProperty('wkey')
  })

  it('counts also whom the rule refuses, and waits for no outcome of him', () => {
    const { send, vars, leftOut, begun } = setUp(alice, { share: 0.000001 })
    void send({ path: '/trap' })
    expect(leftOut).toEqual(['trap: windowed'])
    expect(begun).toEqual(['trap/192.0.2.1'])
    expect(vars).not.toHaveProperty('wkey')
  })

  it('counts a connection, of which no outcome is to come', () => {
    const { send, vars, leftOut, begun } = setUp(alice, { share: 0.000001, question: 'connect' })
    void send({})
    expect(leftOut).toEqual(['gate: windowed'])
    expect(begun).toEqual(['gate/192.0.2.1'])
    expect(vars).toMatchObject({ decision: 'allow' })
    expect(vars).not.toHaveProperty('wkey')
  })

  it('counts nothing of a request whose answer does not fit', () => {
    const { send, reply, leftOut, begun } = setUp(alice, { share: 0.000001 })
    reply.overflows = true
    void send({ path: '/dear', auth: 'Bearer x', auth_count: 1 })
    expect([...leftOut, ...begun]).toEqual([])
  })

  it('puts on record how old the keys of the caller were then, in whole seconds', () => {
    const keys = { ageS: 120.9, stale: true }
    const { send, records } = setUp({ ok: true, identity: identityOf({ scopes: ['orders:write'], keys }) })
    void send(CREDENTIAL)
    Object.assign(keys, { ageS: 0, stale: false })
    void send({ path: '/public/a' })
    expect(records.map(({ keyAgeS, staleKeys }) => [keyAgeS, staleKeys])).toEqual([
      [120, true],
      [undefined, undefined],
    ])
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
        action: { kind: 'start', workflowType: 'requestHook', delivery: 'durable' },
        id: 'order/6B00-1',
        workflowId: 'order/6B00-1',
        tenant: 'acme',
        body: {
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
    expect(commands).toMatchObject([
      { action: { kind: 'signal' }, key: '192.0.2.1', body: { actor: { type: 'anonymous' } } },
    ])
  })

  it('keys an entity by its expression, and keeps events whose key is missing together', () => {
    const known = setUp(alice)
    void known.send({ path: '/api' })
    expect(known.commands).toMatchObject([{ action: { kind: 'meter' }, key: 'acc-1', workflowId: 'metered/acc-1' }])
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
    WITH_NONCE,
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
  checkFallback(counters, WITH_NONCE, 40)(reply as unknown as Reply, 'overload')
  expect([...counters.decisions()].filter(({ count }) => count > 0)).toEqual([])
})
