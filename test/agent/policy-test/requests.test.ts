import { describe, expect, it } from 'vitest'
import { failures, run } from './support.ts'

describe('a request of a test', () => {
  const ECHO = `  - name: echo
    match: { path: ["/**"] }
    identity: none
    set:
      host: request.host
      path: request.path
      q: request.params.q
      tls: connection.tls
      version: connection.tlsVersion
      sni: connection.sni
      source: connection.source
      header: request.headers["x-a"]
      time: request.time
`
  const seen = (request: string, expected: string): string[] =>
    failures(
      run(ECHO, `tests:\n  - { name: a, request: ${request}, expect: { rule: echo, variables: ${expected} } }\n`),
    )

  it('is what its URL says', () => {
    const request = '"GET http://API.example.com:8080/a/%62?q=%C3%A9"'
    expect(seen(request, '{ host: api.example.com, path: /a/b, q: é, tls: false, version: null }')).toEqual([])
    expect(seen('"GET /é"', '{ host: null, tls: true, version: TLSv1.3, source: 192.0.2.1 }')).toEqual([])
  })

  it('is what its parts say', () => {
    const request =
      '{ url: /x, headers: { X-A: b }, source: "2001:db8::1", at: "2026-03-01T10:00:00+01:00", tlsVersion: TLSv1.2, sni: a.example.com }'
    const expected =
      '{ header: b, source: "2001:db8::1", time: "2026-03-01T09:00:00.000Z", version: TLSv1.2, sni: a.example.com }'
    expect(seen(request, expected)).toEqual([])
  })

  it('stands at the same time on every day, unless the file says another', () => {
    expect(seen('GET /', '{ time: "2026-01-07T12:00:00.000Z" }')).toEqual([])
    const tests = `at: "2027-01-01T00:00:00Z"
tests:
  - { name: a, request: GET /, expect: { variables: { time: "2027-01-01T00:00:00.000Z" } } }
`
    expect(failures(run(ECHO, tests))).toEqual([])
  })

  it('with a header that comes twice is judged as such', () => {
    const rules = '  - { name: a, match: { header: { x: b } }, identity: none }\n'
    const tests =
      'tests:\n  - { name: a, request: { url: /, headers: { X: [a, b] } }, expect: { reason: policy_error } }\n'
    expect(failures(run(rules, tests))).toEqual([])
  })

  it('whose path servers read differently is refused as the agent refuses it', () => {
    const tests = `tests:
  - { name: a, request: GET /a/../b, expect: { status: 400, reason: ambiguous_path, rule: none } }
  - { name: b, request: GET /a%2Fb, expect: { reason: ambiguous_path } }
`
    expect(failures(run(ECHO, tests))).toEqual([])
  })
})
