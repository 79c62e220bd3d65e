import { describe, expect, it } from 'vitest'
import { failures, run } from './support.ts'

describe('what a row can ask besides', () => {
  const LIMIT = '  - { name: a, identity: none, limit: { key: connection.source, rate: 3/1m } }\n'

  it('is the last of several requests, at one moment', () => {
    const tests = `tests:
  - { name: a, request: GET /, repeat: 3, expect: { decision: allow, variables: { limit_remaining: 0 } } }
  - { name: b, request: GET /, repeat: 4, expect: { status: 429, reason: rate_limited, variables: { retry_after: 20 } } }
  - { name: c, request: GET /, repeat: 100, every: 20s, expect: { decision: allow } }
`
    expect(failures(run(LIMIT, tests))).toEqual([])
  })

  it('does not depend on other rows', () => {
    const row = (name: string): string =>
      `  - { name: ${name}, request: GET /, repeat: 3, expect: { decision: allow } }\n`
    expect(failures(run(LIMIT, `tests:\n${row('a')}${row('b')}`))).toEqual([])
  })

  it('is what comes after others, at a later time', () => {
    const tests = `tests:
  - name: a
    request: { url: /, at: "2026-01-07T12:00:20Z" }
    before: [{ request: GET /, repeat: 3 }]
    expect: { decision: allow }
  - name: b
    request: { url: /, at: "2026-01-07T12:00:19Z" }
    before: [{ request: GET /, repeat: 3 }]
    expect: { status: 429 }
  - name: c
    request: GET /
    before: [{ repeat: 3 }, { request: { url: /, source: 192.0.2.2 } }]
    expect: { status: 429 }
`
    expect(failures(run(LIMIT, tests))).toEqual([])
  })

  it('is a connection', () => {
    const rules = `  - { name: lan, on: connection, match: { source: 10.0.0.0/8, tls: { sni: "*.example.com" } }, identity: none, route: tcp }
  - { name: web, identity: none }
`
    const tests = `tests:
  - { name: a, connection: { source: 10.1.1.1, sni: db.example.com }, expect: { rule: lan, route: tcp } }
  - { name: b, connection: { source: 10.1.1.1 }, expect: { status: 403, rule: none } }
  - { name: c, request: { url: /, source: 10.1.1.1, sni: db.example.com }, expect: { rule: web } }
`
    expect(failures(run(rules, tests))).toEqual([])
  })

  it('is what a rule in shadow mode would have decided', () => {
    const rules = `  - { name: s, mode: shadow, match: { path: /x }, deny: 404 }
  - { name: t, mode: shadow, identity: none, route: blue }
  - { name: web, identity: none }
`
    const tests = `tests:
  - { name: a, request: GET /x, expect: { rule: web, shadow: { s: deny, t: { decision: allow, reason: ok, route: blue } } } }
  - { name: b, request: GET /y, expect: { shadow: { s: none, t: allow } } }
  - { name: c, request: GET /y, expect: { shadow: { s: deny, t: { status: 403 } } } }
  - { name: d, request: GET /x, expect: { shadow: { s: none } } }
`
    const result = run(rules, tests)
    expect(failures(result).map((text) => text.replace(/\d+:\d+ /, ''))).toEqual([
      'c shadow.s: expected deny, got none',
      'c shadow.t.status: expected 403, got 200',
      'd shadow.s: expected none, got deny',
    ])
    expect(result.coverage[0]?.percent).toBe(100)
  })

  it('is what workflows have said, which no other row remembers', () => {
    const rules = `  - { name: blocked, match: { when: verdict.block }, identity: { require: corp }, deny: 403 }
  - { name: rest, identity: { require: corp }, routeBy: { value: verdict.route, among: [slow] } }
`
    const tests = `identities: { alice: { provider: corp } }
tests:
  - name: a
    request: GET /
    as: alice
    verdicts: [{ scope: subject, provider: corp, key: alice, block: true }]
    expect: { rule: blocked }
  - { name: b, request: GET /, as: alice, expect: { rule: rest, route: none } }
  - { name: c, request: GET /, as: alice, verdicts: [{ scope: source, key: 192.0.2.1, route: slow }], expect: { route: slow } }
`
    expect(failures(run(rules, tests))).toEqual([])
  })

  it('is what a verdict revokes, which no rule needs to read', () => {
    const tests = `identities: { alice: { provider: corp, session: s1 } }
tests:
  - name: a
    request: GET /
    as: alice
    verdicts: [{ scope: session, key: s1, revoke: true }]
    expect: { decision: deny, status: 401, reason: revoked }
  - { name: b, request: GET /, as: alice, expect: { rule: rest } }
`
    expect(failures(run('  - { name: rest, identity: { require: corp } }\n', tests))).toEqual([])
  })

  it('is whether sampling leaves the event out', () => {
    const rules = `  - { name: a, identity: none, workflow: { start: w, sample: 0.5 } }\n`
    const tests = `tests:
  - { name: a, request: { url: /, id: "1" }, expect: { workflow: { sampledOut: true } } }
  - { name: b, request: { url: /, id: "1" }, expect: { workflow: { start: w } } }
`
    const [out, made] = run(rules, tests).results
    expect([out, made].filter((result) => result?.differences.length === 0)).toHaveLength(1)
  })
})
