import { describe, expect, it } from 'vitest'
import { runTests } from '../../../agent/policy-test/run.ts'
import { failures, folderOf, problemsOf, run } from './support.ts'

const RULES = `  - { name: health, match: { path: /healthz }, identity: none }
  - name: order
    match: { method: POST, path: "/orders/{id}", when: '"buyer" in identity.roles' }
    identity: { require: corp, scopes: [orders:write] }
    set: { plan: identity.claims.plan }
    route: orders
    workflow: { start: requestHook, taskQueue: edge, delivery: durable, data: { order: captures.id } }
  - { name: rest, match: { path: "/**" }, identity: { require: corp }, deny: 404, message: "no such page" }
`
const BUYER = `identities:
  buyer: { provider: corp, subject: alice, tenant: acme, roles: [buyer], scopes: [orders:write], claims: { plan: gold, team: red } }
  guest: { provider: corp }
`

describe('a file of tests', () => {
  it('passes where all is as expected, down to the workflow', () => {
    const tests = `${BUYER}tests:
  - name: a
    request: POST https://api.example.com/orders/7?x=1
    as: buyer
    expect:
      { decision: allow, status: 200, reason: ok, rule: order, route: orders,
        variables: { plan: gold, subject: alice, tenant: acme, roles: buyer, team: red, message: null },
        workflow: { start: requestHook, id: order/…, eventId: "…/test-1", taskQueue: edge, delivery: durable, type: order, data: { order: "7" } } }
  - name: b
    request: POST /orders/7
    as: guest
    expect: { decision: deny, status: 404, reason: policy_denied, rule: rest, route: none, message: no such page, workflow: none,
              variables: { subject: guest, issuer: "https://id.example.com" } }
  - { name: c, request: GET /healthz, expect: { rule: health } }
`
    expect(failures(run(RULES, tests))).toEqual([])
  })

  it('tells each difference at its place', () => {
    const tests = `${BUYER}tests:
  - name: a
    request: POST /orders/7
    as: buyer
    expect:
      decision: deny
      status: 403
      reason: policy_denied
      rule: rest
      route: app
      message: x
      location: /y
      variables:
        plan: free
        tenant: null
      workflow:
        signal: auditTrail
        id: orders/…
        eventId: order/…x
        key: k
        taskQueue: other
        delivery: memory
        type: t
        data: { order: "8" }
  - name: b
    request: GET /healthz
    expect:
      workflow: { start: requestHook }
  - name: c
    request: POST /orders/7
    as: buyer
    expect: { workflow: none }
`
    expect(failures(run(RULES, tests)).toSorted(byPlace)).toEqual([
      'a 9:17 decision: expected deny, got allow',
      'a 10:15 status: expected 403, got 200',
      'a 11:15 reason: expected policy_denied, got ok',
      'a 12:13 rule: expected rest, got order',
      'a 13:14 route: expected app, got orders',
      'a 14:16 message: expected x, got none',
      'a 15:17 location: expected /y, got none',
      'a 17:15 variables.plan: expected free, got gold',
      'a 18:17 variables.tenant: expected none, got acme',
      'a 20:17 workflow.signal: expected auditTrail, got start requestHook',
      'a 21:13 workflow.id: expected orders/…, got order/test-1',
      'a 22:18 workflow.eventId: expected order/…x, got order/test-1',
      'a 23:14 workflow.key: expected k, got ""',
      'a 24:20 workflow.taskQueue: expected other, got edge',
      'a 25:19 workflow.delivery: expected memory, got durable',
      'a 26:15 workflow.type: expected t, got order',
      'a 27:15 workflow.data: expected {"order":"8"}, got {"order":"7"}',
      'b 31:17 workflow: expected start requestHook, got none',
      'c 35:25 workflow: expected none, got start requestHook',
    ])
  })

  it('tries a row with each of its callers, and names them', () => {
    const tests = `${BUYER}tests:
  - name: a
    request: POST /orders/7
    as: [none, buyer, guest, { reason: expired }]
    expect: { status: 200 }
`
    const { results } = run(RULES, tests)
    expect(results.map(({ name, happened, differences }) => [name, happened, differences.length])).toEqual([
      ['a (as nobody)', 'deny 401 no_credentials, rule order', 1],
      ['a (as buyer)', 'allow 200 ok, rule order', 0],
      ['a (as guest)', 'deny 404 policy_denied, rule rest', 1],
      ['a (as expired)', 'deny 401 expired, rule order', 1],
    ])
  })

  it('runs only what the filter names, in any case', () => {
    const tests = `tests:
  - { name: First, request: GET /healthz, expect: { rule: health } }
  - { name: second, request: GET /healthz, expect: { rule: health } }
`
    expect(run(RULES, tests, { filter: 'FIRST' }).results.map(({ name }) => name)).toEqual(['First'])
  })

  it('tells which rules no test reached, over all files of one configuration', () => {
    const { file } = folderOf(RULES, 'tests:\n  - { name: a, request: GET /healthz, expect: { rule: health } }\n')
    const [coverage] = runTests([file, file]).coverage
    expect(coverage).toMatchObject({ rules: 3, reached: 1 })
    expect(coverage?.unreached).toEqual([
      { rule: 'order', line: 12, column: 11 },
      { rule: 'rest', line: 18, column: 13 },
    ])
  })
})

describe('a file of tests that is wrong', () => {
  const at = (tests: string): string[] =>
    problemsOf(RULES, tests).map(
      ({ line, column, code, message, hint }) => `${line}:${column} ${code} ${message} | ${hint}`,
    )

  it('is refused with every problem at its place', () => {
    expect(
      at(`identities:
  buyer: { provider: corp, role: [buyer] }
tests:
  - { name: a, request: FETCH, expect: { status: 403, reason: polcy_denied } }
  - { name: b, request: { method: get, url: "ftp://x", headers: { x: 1 } }, expect: {} }
  - { name: c, request: GET /, connection: {}, expect: { decision: allow } }
  - { name: d, expect: { decision: allow } }
  - { name: e, request: GET /, expects: { decision: allow } }
`),
    ).toEqual([
      '2:28 CONFIG_UNKNOWN_KEY unknown key "role" in identities.buyer | Did you mean "roles"?',
      expect.stringMatching(/^4:25 CONFIG_INVALID request: expected a method and a URL/),
      '4:63 CONFIG_INVALID no reason is called "polcy_denied" | Did you mean "policy_denied"?',
      expect.stringMatching(/^5:35 CONFIG_INVALID method: expected a method in capitals/),
      expect.stringMatching(/^5:45 CONFIG_INVALID url: expected a URL/),
      expect.stringMatching(/^5:70 CONFIG_INVALID x: expected text/),
      expect.stringMatching(/^5:85 CONFIG_MISSING expected at least a "decision"/),
      expect.stringMatching(/^6:.* CONFIG_CONFLICT expected either "request" or "connection"/),
      expect.stringMatching(/^7:.* CONFIG_MISSING expected either "request" or "connection"/),
      '8:32 CONFIG_UNKNOWN_KEY unknown key "expects" in tests[4] | Did you mean "expect"?',
    ])
  })

  it('is refused for names that nothing has', () => {
    expect(
      at(`identities:
  buyer: { provider: crop }
tests:
  - { name: a, request: GET /, as: byer, expect: { rule: odrer, shadow: { health: none } } }
  - { name: a, request: GET /, as: { all: [buyer, nobody] }, before: [{ as: [] , request: GET / }], expect: { rule: rest } }
`),
    ).toHaveLength(1)
    expect(
      at(`identities:
  buyer: { provider: crop }
tests:
  - { name: a, request: GET /, as: byer, expect: { rule: odrer, shadow: { health: none } } }
  - { name: a, request: GET /, as: { all: [buyer, nobody] }, expect: { rule: rest } }
`),
    ).toEqual(
      [
        '2:22 CONFIG_REFERENCE no provider is called "crop" | Did you mean "corp"?',
        '5:13 CONFIG_REFERENCE two tests are called "a" | Reports tell them by name.',
        '4:36 CONFIG_REFERENCE no identity is called "byer" | Did you mean "buyer"?',
        '4:58 CONFIG_REFERENCE no rule is called "odrer" | Did you mean "order"?',
        '4:83 CONFIG_REFERENCE no rule in shadow mode is called "health" | Known: none.',
        '5:51 CONFIG_REFERENCE no identity is called "nobody" | Known: buyer.',
      ].toSorted(byPlace),
    )
  })

  it('does not run when its configuration is wrong', () => {
    expect(
      problemsOf('  - { name: a }\n', 'tests:\n  - { name: a, request: GET /, expect: { rule: a } }\n'),
    ).toMatchObject([{ code: 'CONFIG_IDENTITY_UNSTATED' }])
  })

  it('that is empty says how to begin', () => {
    expect(at('')).toEqual([expect.stringContaining('the file is empty | Begin with "tests:"')])
  })
})

/** By the line and column that begin each text, or stand behind its name. */
function byPlace(a: unknown, b: unknown): number {
  const place = (text: unknown): number => {
    const [, line = 0, column = 0] = /(\d+):(\d+)/.exec(String(text)) ?? []
    return Number(line) * 1000 + Number(column)
  }
  return place(a) - place(b)
}
