import { describe, expect, it } from 'vitest'
import { Actors } from '../../agent/actor/actors.ts'
import { parseConfig } from '../../agent/config/load.ts'
import type { Command } from '../../agent/dispatch/command.ts'
import { type Answer, Engine } from '../../agent/explain/engine.ts'
import type { AskedRequest } from '../../agent/explain/question.ts'
import type { AuthResult } from '../../agent/identity/identity.ts'
import type { EdgeEvent } from '../../agent/messages.ts'
import { authenticatorOf, identityOf, WORDING } from './rules/support.ts'

const alice: AuthResult = { ok: true, identity: identityOf({ variables: { plan: 'free', team: 'red' } }) }
const nobody: AuthResult = { ok: false, reason: 'no_credentials' }

/** Asks the handlers of the agent, which answer with variables and commands. */
function engineOf(rules: string, answer: AuthResult = alice): Engine {
  const text = `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
identity: { providers: { corp: { issuer: "https://id.example.com", audience: [a] } } }
rules:
${rules}`
  return new Engine(parseConfig('agent.yaml', text, {}), {
    authenticator: authenticatorOf(() => answer),
    actors: new Actors(),
    wording: WORDING,
  })
}

function ask(engine: Engine, parts: Partial<AskedRequest> = {}, question: 'check' | 'connect' = 'check'): Answer {
  const request = {
    id: 'r-1',
    method: 'GET',
    host: 'a.example.com',
    path: '/',
    query: '',
    source: '10.0.0.1',
    tls: true,
    tlsVersion: 'TLSv1.3',
    sni: '',
    alpn: '',
    headers: [],
    ...parts,
  }
  const answer = engine.ask(request, question)
  if (answer instanceof Promise) throw new Error('answered later')
  return answer
}

/** What a command carries; its rule meters nothing. */
const eventOf = (command: Command | undefined): EdgeEvent | undefined => command?.body as EdgeEvent | undefined

describe('the variables of an answer', () => {
  it('of a redirect are status and location, and no challenge', () => {
    const engine = engineOf(
      `  - { name: r, match: { path: /x }, redirect: { to: '"/y"', status: 303 }, message: moved }
  - { name: l, identity: { require: corp, redirect: '"https://login.example.com"' } }
`,
      nobody,
    )
    expect(ask(engine, { path: '/x' }).variables).toEqual({
      reason: 'redirected',
      status: 303,
      location: '/y',
      message: 'moved',
      rule: 'r',
      decision: 'deny',
    })
    expect(ask(engine).variables).toEqual({
      reason: 'no_credentials',
      status: 302,
      location: 'https://login.example.com',
      rule: 'l',
      decision: 'deny',
    })
  })

  it('of a login that cannot be named are those of the plain 401', () => {
    const engine = engineOf(
      `  - { name: l, identity: { require: corp, redirect: '"/login?" + request.params.x' } }\n`,
      nobody,
    )
    expect(ask(engine, { query: 'x=%0a' }).variables).toMatchObject({ status: 401, challenge: 'Bearer realm="test"' })
    expect(ask(engine, { query: 'x=%0a' }).variables).not.toHaveProperty('location')
  })

  it('of a limit say how many are left, and beyond it when to come again', () => {
    const engine = engineOf(
      '  - { name: a, identity: none, limit: { key: connection.source, rate: 1/1h }, message: slow down }\n',
    )
    const first = ask(engine).variables
    expect(first).toMatchObject({ decision: 'allow', limit_remaining: 0 })
    expect(first).not.toHaveProperty('message')
    const second = ask(engine).variables
    expect(second).toMatchObject({
      decision: 'deny',
      status: 429,
      reason: 'rate_limited',
      limit_remaining: 0,
      message: 'slow down',
    })
    expect(second['retry_after']).toBeGreaterThan(3000)
  })

  it('end with the decision, so that what HAProxy cuts off is the allow', () => {
    const engine = engineOf(
      `  - { name: a, identity: { require: corp }, set: { x: '"1"' }, route: app, workflow: { start: w } }\n`,
    )
    expect(Object.keys(ask(engine).variables).at(-1)).toBe('decision')
  })

  it('have no route on a denial, whatever the rule says', () => {
    const engine = engineOf('  - { name: a, identity: { require: corp, scopes: [b] }, route: app }\n')
    expect(ask(engine).variables).toMatchObject({ decision: 'deny', reason: 'insufficient_scope' })
    expect(ask(engine).variables).not.toHaveProperty('route')
  })

  it('that a rule sets come before those of its provider', () => {
    const engine = engineOf(`  - { name: a, identity: { require: corp }, set: { plan: '"gold"' } }\n`)
    expect(ask(engine).variables).toMatchObject({ plan: 'gold', team: 'red' })
  })
})

describe('the effects of a rule', () => {
  const EFFECTS = `set: { x: '"1"' }, workflow: { start: w }`

  it.each([
    ['lacks a scope', `identity: { require: corp, scopes: [b] }, ${EFFECTS}`, alice],
    ['is unproven', `identity: { require: corp }, ${EFFECTS}`, nobody],
    ['is sent to the login', `identity: { require: corp, redirect: '"/login"' }, ${EFFECTS}`, nobody],
    [
      'cannot be judged',
      `match: { when: 'identity.claims.none == "a"' }, identity: { require: corp }, ${EFFECTS}`,
      alice,
    ],
    ['has no key of its limit', `identity: none, limit: { key: request.params.k, rate: 1/1h }, ${EFFECTS}`, alice],
    ['has a redirect without a target', `redirect: { to: request.params.k }, ${EFFECTS}`, alice],
  ])('do not happen for a caller who %s', (_, rule, answer) => {
    const { variables, command } = ask(engineOf(`  - { name: a, ${rule} }\n`, answer))
    expect(command).toBeUndefined()
    for (const name of ['x', 'event_id', 'workflow_id']) expect(variables).not.toHaveProperty(name)
  })

  it('do not happen beyond its limit', () => {
    const engine = engineOf(
      `  - { name: a, identity: none, limit: { key: connection.source, rate: 1/1h }, ${EFFECTS} }\n`,
    )
    expect(ask(engine).command).toBeDefined()
    expect(ask(engine).command).toBeUndefined()
  })

  it('do not happen in shadow mode', () => {
    const { variables, command, shadows } = ask(
      engineOf(`  - { name: s, mode: shadow, identity: none, ${EFFECTS} }\n  - { name: a, identity: none }\n`),
    )
    expect(shadows).toHaveLength(1)
    expect(command).toBeUndefined()
    expect(variables).toEqual({ reason: 'ok', rule: 'a', decision: 'allow' })
  })

  it('happen on a denial and on a redirect by the rule itself', () => {
    for (const how of ['deny: 404', `redirect: { to: '"/y"' }`]) {
      expect(ask(engineOf(`  - { name: a, ${how}, ${EFFECTS} }\n`))).toMatchObject({
        command: { action: { kind: 'start' }, workflowId: 'a/r-1' },
        variables: { decision: 'deny', x: '1', event_id: 'a/r-1' },
      })
    }
  })

  it('leave out what sampling leaves out, and tell no event then', () => {
    const engine = engineOf(`  - { name: a, identity: none, workflow: { start: w, sample: 0.5 } }\n`)
    const answers = Array.from({ length: 200 }, (_, i) => ask(engine, { id: `r-${i}` }))
    const out = answers.filter(({ sampledOut }) => sampledOut)
    expect(out.length).toBeGreaterThan(50)
    expect(out.length).toBeLessThan(150)
    for (const { command, sampledOut, variables } of answers) {
      expect(command === undefined).toBe(sampledOut)
      expect('event_id' in variables).toBe(!sampledOut)
    }
    // By the id: asked again, the same ones are left out.
    expect(Array.from({ length: 200 }, (_, i) => ask(engine, { id: `r-${i}` }).sampledOut)).toEqual(
      answers.map(({ sampledOut }) => sampledOut),
    )
  })
})

describe('the message connect', () => {
  const TCP = `  - { name: web, match: { path: "/**" }, identity: none }
  - { name: db, on: connection, match: { tls: { sni: "*.db.example.com" } }, identity: none, route: db, set: { name: connection.sni }, workflow: { signal: w, key: connection.source } }
`

  it('asks the rules for connections, and nothing of a request is known', () => {
    const { variables, command } = ask(
      engineOf(TCP),
      { sni: 'eu.db.example.com', path: '/x', method: 'POST' },
      'connect',
    )
    expect(variables).toMatchObject({ decision: 'allow', rule: 'db', route: 'db', name: 'eu.db.example.com' })
    expect(eventOf(command)?.request).toEqual({
      id: 'r-1',
      method: '',
      host: '',
      path: '',
      query: '',
      source: '10.0.0.1',
    })
  })

  it('denies what no rule for connections takes, and needs no host', () => {
    expect(ask(engineOf(TCP), {}, 'connect').variables).toMatchObject({ decision: 'deny', reason: 'default_denied' })
  })
})

describe('an event', () => {
  const event = (workflow: string, parts: Partial<AskedRequest> = {}, answer: AuthResult = alice) =>
    ask(
      engineOf(
        `  - { name: a, match: { path: ["/o/{id}", "/**"] }, identity: { require: corp, failOpen: true }, workflow: { ${workflow} } }\n`,
        answer,
      ),
      parts,
    ).command

  it('with an idempotency key is one, however often it comes', () => {
    const key = `start: w, idempotencyKey: 'request.headers["x-key"]'`
    const ids = ['r-1', 'r-2'].map((id) => event(key, { id, headers: [['x-key', 'order 7']] })?.workflowId)
    expect(ids).toEqual(['a/k:order 7', 'a/k:order 7'])
  })

  it('cannot take the id of another request by its key, nor that of a hash', () => {
    const key = `start: w, idempotencyKey: request.params.k`
    expect(event(key, { query: 'k=r-1', id: 'r-2' })?.workflowId).toBe('a/k:r-1')
    expect(event(key, { query: 'k=~none' })?.workflowId).toMatch(/^a\/k:~[\w-]{43}$/)
    expect(event(key, { query: 'k=%0aX' })?.workflowId).toMatch(/^a\/k:~[\w-]{43}$/)
    expect(event(key, { query: `k=${'x'.repeat(900)}` })?.workflowId).toMatch(/^a\/k:~[\w-]{43}$/)
  })

  it.each(['', 'k=', 'k=1&k=2'])('whose key gives nothing is kept under the id of its request: "%s"', (query) => {
    expect(event('start: w, idempotencyKey: request.params.k', { query })?.workflowId).toBe('a/r-1')
  })

  it('carries what the rule says, and leaves out what is not there or no header could carry', () => {
    const data = `data: { a: request.path, b: request.params.b, c: '[1, 2].size()', d: identity.roles, e: 'request.params.e' }`
    const found = event(`start: w, ${data}`, { path: '/x', query: 'e=%0a' })
    expect(eventOf(found)?.data).toEqual({ a: '/x', c: 2 })
    expect(eventOf(event('start: w'))).not.toHaveProperty('data')
  })

  it('of an unproven caller says so, and names nobody', () => {
    const found = event('start: w, data: { who: identity.subject }', {}, { ok: false, reason: 'keys_unavailable' })
    expect(eventOf(found)?.actor).toMatchObject({ type: 'anonymous', decision: { failOpen: true } })
    expect(eventOf(found)?.data).toEqual({})
  })
})

describe('a request without a host', () => {
  const told = (rule: string, answer?: AuthResult): unknown => {
    const { reason, status } = ask(engineOf(`  - { name: r, ${rule} }\n`, answer), { host: '' }).variables
    return { reason, status }
  }
  const REFUSED = { reason: 'ambiguous_host', status: 400 }

  it.each([
    ['a condition', `match: { when: 'request.host != "b.example.com"' }, identity: none`],
    ['a host to match', 'match: { host: "*.example.com" }, identity: none'],
    ['a redirect', `redirect: { to: '"https://" + request.host + "/x"' }`],
    ['the way to the login', `identity: { require: corp, redirect: '"https://" + request.host + "/login"' }`],
    ['the choice of a backend', 'identity: none, route: a, routeBy: { value: request.host, among: [a, b] }'],
    ['the key of a limit', 'identity: none, limit: { key: request.host, rate: 5/1h }'],
  ])('is refused where %s reads it', (_, rule) => {
    expect(told(rule)).toEqual(REFUSED)
    expect(told(rule, nobody)).toEqual(REFUSED)
  })

  it.each([
    ['nothing', 'identity: none'],
    ['a variable', 'identity: none, set: { host: request.host }'],
    ['the data of an event', 'identity: none, workflow: { start: seen, data: { host: request.host } }'],
  ])('is served where only %s reads it', (_, rule) => {
    expect(told(rule)).toEqual({ reason: 'ok', status: undefined })
  })
})
