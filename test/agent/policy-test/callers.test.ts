import { describe, expect, it } from 'vitest'
import { failures, run } from './support.ts'

describe('who calls in a test', () => {
  const BY = `  - { name: corp, match: { path: /corp }, identity: { require: corp } }
  - { name: keys, match: { path: /keys }, identity: { require: keys } }
  - { name: mesh, match: { path: /mesh }, identity: { require: mesh } }
  - { name: any, match: { path: /any }, identity: { require: [corp, keys] } }
  - { name: both, match: { path: /both }, identity: { require: { all: [mesh, corp] } } }
  - { name: open, match: { path: /open }, identity: { require: corp, failOpen: true } }
  - { name: maybe, match: { path: /maybe }, identity: { require: corp, optional: true } }
  - { name: login, match: { path: /login }, identity: { require: corp, redirect: '"https://login.example.com"' } }
`
  const reason = (path: string, as: string): string => {
    const tests = `identities:
  jwt: { provider: corp }
  stranger: { provider: partner }
  key: { provider: keys }
  pod: { provider: mesh }
tests:
  - { name: a, request: GET ${path}, as: ${as}, expect: { decision: allow } }
`
    const happened = run(BY, tests).results[0]?.happened ?? ''
    return /\S+(?=,)/.exec(happened)?.[0] ?? happened
  }

  it.each([
    ['/corp', 'jwt', 'ok'],
    ['/corp', 'none', 'no_credentials'],
    ['/corp', 'stranger', 'unknown_issuer'],
    ['/corp', 'key', 'no_credentials'],
    ['/corp', 'pod', 'no_credentials'],
    ['/corp', '{ reason: revoked }', 'revoked'],
    ['/keys', 'jwt', 'no_credentials'],
    ['/keys', 'key', 'ok'],
    ['/mesh', 'none', 'client_cert_required'],
    ['/mesh', 'jwt', 'client_cert_required'],
    ['/mesh', 'pod', 'ok'],
    ['/any', '{ all: [jwt, key] }', 'multiple_credentials'],
    ['/any', '{ all: [jwt, pod] }', 'ok'],
    ['/both', '{ all: [jwt, pod] }', 'ok'],
    ['/both', 'jwt', 'client_cert_required'],
    ['/both', 'pod', 'no_credentials'],
    ['/open', '{ reason: keys_unavailable }', 'fail_open'],
    ['/open', '{ reason: expired }', 'expired'],
    ['/maybe', 'none', 'ok'],
    ['/maybe', '{ reason: expired }', 'expired'],
  ])('%s as %s: %s', (path, as, expected) => {
    expect(reason(path, as)).toBe(expected)
  })

  it('is sent to the login', () => {
    const tests =
      'tests:\n  - { name: a, request: GET /login, expect: { status: 302, reason: no_credentials, location: "https://login.example.com" } }\n'
    expect(failures(run(BY, tests))).toEqual([])
  })
})
