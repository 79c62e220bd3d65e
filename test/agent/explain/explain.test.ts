import { expect, it } from 'vitest'
import { render } from '../../../agent/explain/render.ts'
import { explained } from './support.ts'

const RULES = `
  - { name: health, match: { path: /healthz }, identity: none }
  - name: beta
    mode: shadow
    match: { path: "/orders/**", header: { x-beta: "1" } }
    deny: 403
  - name: inside
    match: { method: POST, path: "/orders/{id}", source: ["10.0.0.0/8"] }
    identity: none
  - name: buyers
    match: { method: POST, host: "*.example.com", path: "/orders/{id}", when: '"buyer" in identity.roles && request.headers["x-region"] == "eu"' }
    identity: { require: corp, scopes: [orders:write] }
    set: { plan: identity.claims.plan, level: identity.claims.level }
    route: orders
    limit: { key: identity.subject, rate: 100/1m, burst: 20 }
    workflow: { start: requestHook, delivery: durable, data: { order: captures.id } }
  - name: rest
    match: { path: "/orders/**" }
    identity: { require: other }
  - { name: last, match: { path: "/last" }, identity: none }
`
const BUYER = {
  provider: 'corp',
  subject: 'alice',
  tenant: 'acme',
  roles: ['buyer'],
  scopes: 'orders:read orders:write',
  claims: { plan: 'gold' },
}
const ORDER = 'POST https://api.example.com:8443/orders/7?x=1'

it('tells of an allow which rule decided, all variables, the workflow and the limit', async () => {
  const told = await explained(RULES, ORDER, { as: BUYER, header: ['x-region: eu'], id: '6B00-1' })
  expect(told).toMatchObject({
    decision: 'allow',
    status: 200,
    reason: 'ok',
    rule: 'buyers',
    route: 'orders',
    caller: { state: 'assumed', subject: 'alice', roles: ['buyer'] },
    request: { canonicalHost: 'api.example.com', canonicalPath: '/orders/7', query: 'x=1', sni: 'api.example.com' },
    workflow: {
      kind: 'start',
      workflowType: 'requestHook',
      workflowId: 'buyers/6B00-1',
      eventId: 'buyers/6B00-1',
      taskQueue: 'edge',
      delivery: 'durable',
      sampledOut: false,
      data: { order: '7' },
    },
    limits: [{ key: 'identity.subject', keyValue: 'alice', rate: '100/1m', algorithm: 'token-bucket', burst: 20 }],
    unset: [{ name: 'level', expression: 'identity.claims.level', because: 'no identity.claims.level' }],
  })
  expect(told.variables).toEqual({
    decision: 'allow',
    reason: 'ok',
    rule: 'buyers',
    route: 'orders',
    provider: 'corp',
    subject: 'alice',
    issuer: 'https://assumed.invalid',
    tenant: 'acme',
    roles: 'buyer',
    plan: 'gold',
    limit_remaining: 19,
    event_id: 'buyers/6B00-1',
    workflow_id: 'buyers/6B00-1',
  })
  expect(told.notes.join()).toContain('nothing about him was verified')
  expect(told.cost).toMatchObject({ rules: 6, tried: 3 })
  expect(told.cost.celParts).toBeGreaterThan(0)
})

it('tells of each rule what failed, with the values that it looked at', async () => {
  const told = await explained(RULES, ORDER, { as: { ...BUYER, roles: ['viewer'] }, header: ['X-Region: us'] })
  expect(told).toMatchObject({ decision: 'deny', reason: 'unknown_issuer', status: 401, rule: 'rest' })
  expect(told.hint).toContain('iss claim')
  expect(told.doc).toBe('docs/identity/presets.md#what-is-checked')
  expect(told.tried.map(({ name, outcome, steps }) => [name, outcome, steps.at(-1)])).toMatchObject([
    ['beta', 'no match', { what: 'header x-beta', result: 'failed', wanted: '1', values: [{ name: 'header x-beta' }] }],
    [
      'inside',
      'no match',
      {
        what: 'source',
        result: 'failed',
        wanted: ['10.0.0.0/8'],
        values: [{ name: 'connection.source', value: '127.0.0.1' }],
      },
    ],
    [
      'buyers',
      'no match',
      {
        what: 'when',
        result: 'failed',
        values: [
          { name: 'identity.roles', value: ['viewer'] },
          { name: 'request.headers["x-region"]', value: 'us' },
        ],
      },
    ],
    ['rest', 'decided', { what: 'identity', result: 'failed', because: 'unknown_issuer', doc: told.doc }],
  ])
  expect(told.tried[2]?.place).toMatch(/^agent\.yaml:\d+$/)
})

it('tells of the rules that the index skipped which of method, host and path did not fit', async () => {
  const told = await explained(RULES, 'GET https://other.example.org/orders/7')
  expect(told.skipped).toMatchObject([
    { name: 'health', misfits: [{ part: 'path', wanted: ['/healthz'], value: '/orders/7' }] },
    { name: 'inside', misfits: [{ part: 'method', wanted: ['POST'], value: 'GET' }] },
    {
      name: 'buyers',
      misfits: [
        { part: 'method', wanted: ['POST'], value: 'GET' },
        { part: 'host', wanted: ['*.example.com'], value: 'other.example.org' },
      ],
    },
  ])
  expect(told.notReached).toEqual(['last'])
})

it('tells what a shadow rule would have done, and goes on', async () => {
  const told = await explained(RULES, ORDER, { header: ['x-beta: 1'], source: '10.1.2.3' })
  expect(told.shadows).toEqual([{ rule: 'beta', decision: 'deny', status: 403, reason: 'policy_denied' }])
  expect(told.tried.map(({ name, outcome }) => [name, outcome])).toEqual([
    ['beta', 'shadow'],
    ['inside', 'decided'],
  ])
  expect(told).toMatchObject({ decision: 'allow', rule: 'inside', caller: { state: 'not asked' } })
})

it('without a credential nobody is asked about anything, and the caller is anonymous', async () => {
  const asked: string[] = []
  const told = await explained(RULES, ORDER, { options: { progress: (text) => asked.push(text) } })
  expect(told).toMatchObject({ reason: 'no_credentials', rule: 'buyers', caller: { state: 'refused' } })
  expect(asked).toEqual([])
})

it('says when no rule matches, and when the path is refused before any is asked', async () => {
  expect(await explained(RULES, 'https://api.example.com/none')).toMatchObject({
    reason: 'default_denied',
    rule: undefined,
    status: 403,
    tried: [],
    notReached: [],
  })
  const ambiguous = await explained(RULES, 'https://api.example.com/a/../orders/7')
  expect(ambiguous).toMatchObject({ reason: 'ambiguous_path', status: 400, skipped: [], tried: [] })
  expect(ambiguous.request).toMatchObject({ path: '/a/../orders/7', canonicalPath: '' })
})

it('says why an expression could not be judged', async () => {
  const rules = `
  - { name: only, match: { when: 'identity.claims.age > 3' }, identity: { require: corp } }
`
  const told = await explained(rules, 'https://x.example.com/', { as: BUYER })
  expect(told).toMatchObject({ reason: 'policy_error', rule: 'only' })
  expect(told.tried[0]?.steps.at(-1)).toMatchObject({
    what: 'when',
    result: 'error',
    because: expect.stringMatching(/^No such key: age$/),
    values: [{ name: 'identity.claims.age' }],
  })
})

it('shows the request at the time that is given', async () => {
  const rules = `
  - { name: day, match: { time: { from: "08:00", to: "18:00", timezone: UTC } }, identity: none }
`
  expect(await explained(rules, 'https://x/', { at: '2026-11-24T10:00:00Z' })).toMatchObject({ rule: 'day' })
  const night = await explained(rules, 'https://x/', { at: '2026-11-24T20:00:00Z' })
  expect(night).toMatchObject({ reason: 'default_denied' })
  expect(night.tried[0]?.steps).toMatchObject([
    { what: 'time', result: 'failed', values: [{ value: '2026-11-24T20:00:00.000Z' }] },
  ])
})

it('tells that sampling leaves an event out, and which it would have been', async () => {
  const rules = `
  - { name: few, identity: none, workflow: { start: requestHook, sample: 0.000001 } }
`
  const told = await explained(rules, 'https://x/', { id: '6B00-1' })
  expect(told.workflow).toMatchObject({ sampledOut: true, sample: 0.000001, eventId: 'few/6B00-1' })
  expect(told.variables).not.toHaveProperty('event_id')
})

it('tells of a call what its request says of it, and what may hold it back', async () => {
  const rules = `
  - name: doc
    match: { path: "/docs/{id}" }
    identity: { require: corp }
    workflow:
      signal: indexer
      key: captures.id
      memo: { by: identity.subject }
      searchAttributes: { Plan: identity.claims.plan }
      debounce: { wait: 5s }
      throttle: { rate: 10/1s }
      rateLimit: { rate: 100/1m, key: identity.tenant }
`
  const told = await explained(rules, 'POST https://x/docs/7', { as: BUYER })
  expect(told.workflow).toMatchObject({
    kind: 'signal',
    workflowId: 'doc/7',
    key: '7',
    memo: { by: 'alice' },
    searchAttributes: { Plan: 'gold' },
    shape: {
      rateLimit: '100/1m, key "acme"',
      debounce: '5s of quiet, 50s at most, key "doc/7"',
      throttle: '10/1s, all events of the rule together',
    },
  })
  const text = render(told, { all: false })
  expect(text).toContain('workflow: signal indexer')
  expect(text).toMatch(/debounce +5s of quiet, 50s at most, key "doc\/7"/)
  expect(text).toMatch(/memo\.by +"alice"/)
})

it('shows no secret that an id, a memo or a key is made of', async () => {
  const rules = `
  - name: secretive
    identity: none
    workflow:
      start: w
      id: request.headers["x-api-key"]
      memo: { a: 'request.headers["x-api-key"]' }
      searchAttributes: { A: 'request.headers["x-api-key"]' }
      throttle: { rate: 1/1s, key: 'request.headers["x-api-key"]' }
`
  const secret = 'hunter2'
  const told = await explained(rules, 'https://x/', { header: [`x-api-key: ${secret}`] })
  expect(told.workflow?.kind).toBe('start')
  expect(JSON.stringify(told)).not.toContain(secret)
})

it('tells of an action without a type what it is for, and nothing of what it has not', async () => {
  const rules = `
  - { name: stop, match: { path: "/orders/{id}" }, identity: none, workflow: { cancel: '"order/" + captures.id' } }
`
  const told = await explained(rules, 'DELETE https://x/orders/7', { id: '6B00-1' })
  expect(told.workflow).toMatchObject({ kind: 'cancel', workflowType: '', workflowId: 'order/7' })
  expect(render(told, { all: false })).toContain('workflow: cancel\n  workflow id  order/7')
})

it('tells of a budget what becomes of requests beyond it', async () => {
  const rules = `
  - name: a
    match: { path: /a }
    identity: none
    workflow: { signal: w, key: request.host, budget: { actions: 5, then: { window: trafficWindow, every: 10s } } }
  - name: b
    match: { path: /b }
    identity: none
    workflow: { start: w, budget: { actions: 5, per: 100, then: { window: t, every: 1m, key: connection.source } } }
  - { name: c, match: { path: /c }, identity: none, workflow: { start: w, budget: { actions: 5 } } }
  - { name: d, match: { path: /d }, identity: none, workflow: { start: w } }
`
  const budgetOf = async (path: string): Promise<string | undefined> =>
    (await explained(rules, `https://x.example.com${path}`)).workflow?.budget
  expect(await budgetOf('/a')).toBe(
    '5 actions for 1000 requests, those beyond it are counted for trafficWindow a/~window/x.example.com every 10s',
  )
  expect(await budgetOf('/b')).toBe(
    '5 actions for 100 requests, those beyond it are counted for t b/~window/127.0.0.1 every 1m',
  )
  expect(await budgetOf('/c')).toBe('5 actions for 1000 requests, those beyond it are sampled out')
  expect(await budgetOf('/d')).toBeUndefined()
  expect(render(await explained(rules, 'https://x/c'), { all: false })).toMatch(/^ {2}budget +5 actions/m)
})

it('tells of a window which entity the request counts for, and of no event', async () => {
  const rules = `
  - { name: traffic, identity: none, workflow: { window: trafficWindow, key: request.host, every: 10s } }
`
  const told = await explained(rules, 'https://x.example.com/')
  expect(told.workflow).toMatchObject({ kind: 'window', workflowId: 'traffic/x.example.com', eventId: '' })
  expect(render(told, { all: false })).not.toContain('event id')
})
