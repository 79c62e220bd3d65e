import { describe, expect, it } from 'vitest'
import { type Asked, Deciding } from './deciding.ts'

/** Rules with one condition each, an allow and a deny with the same. */
function decided(match: string, asked: Asked): { allow: string; deny: string } {
  const allow = new Deciding(`  - { name: a, match: ${match}, identity: none }\n`).ask(asked)
  const deny = new Deciding(`  - { name: d, match: ${match}, deny: 404 }\n  - { name: rest, identity: none }\n`).ask(
    asked,
  )
  return { allow: allow.reason, deny: deny.reason }
}

const MATCHES = { allow: 'ok', deny: 'policy_denied' }
const DIFFERS = { allow: 'default_denied', deny: 'ok' }
const UNKNOWN = { allow: 'policy_error', deny: 'policy_error' }

describe('a condition on a header', () => {
  const X = '{ header: { X-Tenant: acme } }'

  it('is on its value, whatever the case of the name', () => {
    expect(decided(X, { fields: { 'x-tenant': 'acme' } })).toEqual(MATCHES)
    expect(decided(X, { fields: { 'x-tenant': 'Acme' } })).toEqual(DIFFERS)
    expect(decided(X, {})).toEqual(DIFFERS)
  })

  it.each([
    ['the same value', ['acme', 'acme']],
    ['the wanted value first', ['acme', 'evil']],
    ['the wanted value last', ['evil', 'acme']],
    ['no wanted value', ['evil', 'bad']],
  ])('refuses a header that comes twice, with %s: neither an allow nor a deny is got round', (_, values) => {
    expect(decided(X, { fields: { 'x-tenant': values } })).toEqual(UNKNOWN)
  })

  it('refuses a second header even where only its presence counts', () => {
    for (const present of [true, false]) {
      const match = `{ header: { x: { present: ${present} } } }`
      expect(decided(match, { fields: { x: ['a', 'b'] } })).toEqual(UNKNOWN)
    }
  })

  it('tells a header that is empty from one that is not there', () => {
    expect(decided('{ header: { x: { present: true } } }', { fields: { x: '' } })).toEqual(MATCHES)
    expect(decided('{ header: { x: { present: false } } }', { fields: { x: '' } })).toEqual(DIFFERS)
    expect(decided('{ header: { x: "" } }', {})).toEqual(DIFFERS)
  })

  it('cannot be judged of a value too long for its pattern', () => {
    expect(decided('{ header: { x: { regex: "^a+$" } } }', { fields: { x: 'a'.repeat(1_000_000) } })).toEqual(UNKNOWN)
  })

  it('must hold with all others', () => {
    const match = '{ header: { a: "1", b: "2" } }'
    expect(decided(match, { fields: { a: '1', b: '2' } })).toEqual(MATCHES)
    expect(decided(match, { fields: { a: '1' } })).toEqual(DIFFERS)
  })
})

describe('a condition on a parameter', () => {
  const ROLE = '{ query: { role: admin } }'

  it('is on the decoded value, and tells names apart by case', () => {
    expect(decided(ROLE, { query: 'role=%61dmin' })).toEqual(MATCHES)
    expect(decided(ROLE, { query: 'r%6fle=admin' })).toEqual(MATCHES)
    expect(decided(ROLE, { query: 'Role=admin' })).toEqual(DIFFERS)
  })

  it.each(['role=admin&role=user', 'role=user&role=admin', 'role=user&r%6Fle=admin', 'role&role=admin'])(
    'refuses one with two values: %s',
    (query) => {
      expect(decided(ROLE, { query })).toEqual(UNKNOWN)
    },
  )

  it.each(['x;debug=1', 'x=1;debug=1', 'debug=1;x', 'debug=1;debug=1', 'debug=1&x=1;debug=1'])(
    'refuses one at a semicolon, where servers disagree: %s',
    (query) => {
      expect(decided('{ query: { debug: { present: true } } }', { query })).toEqual(UNKNOWN)
      expect(decided(`{ when: 'request.params.debug == "1"' }`, { query })).toEqual(UNKNOWN)
    },
  )

  it('is no further from one that stands between ampersands', () => {
    expect(decided('{ query: { debug: "1" } }', { query: 'a=1&debug=1' })).toEqual(MATCHES)
    expect(decided('{ query: { debug: "1" } }', { query: 'a=1;b=2&debug=1' })).toEqual(MATCHES)
    expect(decided('{ query: { debug: "1" } }', { query: 'a=1%3Bdebug=1' })).toEqual(DIFFERS)
  })

  it('takes the same value twice for one', () => {
    expect(decided(ROLE, { query: 'role=admin&role=%61dmin' })).toEqual(MATCHES)
  })

  it('cannot be judged of a query with more parameters than are read', () => {
    expect(decided(ROLE, { query: `${'x&'.repeat(2000)}role=admin` })).toEqual(UNKNOWN)
  })
})

describe('a condition on the client', () => {
  it('is on its address, and excludes what stands behind "!"', () => {
    const match = '{ source: ["10.0.0.0/8", "!10.9.0.0/16"] }'
    expect(decided(match, { source: '10.1.2.3' })).toEqual(MATCHES)
    expect(decided(match, { source: '10.9.2.3' })).toEqual(DIFFERS)
    expect(decided(match, { source: '' })).toEqual(DIFFERS)
  })

  it('is on TLS or its absence', () => {
    expect(decided('{ tls: true }', { tls: true })).toEqual(MATCHES)
    expect(decided('{ tls: true }', { tls: false })).toEqual(DIFFERS)
    expect(decided('{ tls: false }', { tls: false })).toEqual(MATCHES)
  })

  it('is on the age of the TLS version, and an unknown one is none', () => {
    const match = '{ tls: { minVersion: TLSv1.2 } }'
    expect(decided(match, { tlsVersion: 'TLSv1.3' })).toEqual(MATCHES)
    expect(decided(match, { tlsVersion: 'TLSv1.2' })).toEqual(MATCHES)
    for (const tlsVersion of ['TLSv1.1', 'TLSv1', 'SSLv3', 'tlsv1.3', '']) {
      expect(decided(match, { tlsVersion })).toEqual(DIFFERS)
    }
  })

  it('is on the server name in any case, and a star stands for every name below, not for the name itself', () => {
    const match = '{ tls: { sni: ["api.example.com", "*.Tenants.example.com"] } }'
    expect(decided(match, { sni: 'API.example.com' })).toEqual(MATCHES)
    expect(decided(match, { sni: 'a.b.tenants.example.com' })).toEqual(MATCHES)
    for (const sni of ['tenants.example.com', '.tenants.example.com', 'eviltenants.example.com', '']) {
      expect(decided(match, { sni })).toEqual(DIFFERS)
    }
  })

  it('is on the server name without the dot that may end it', () => {
    for (const match of ['{ tls: { sni: admin.example.com } }', `{ when: 'connection.sni == "admin.example.com"' }`]) {
      expect(decided(match, { sni: 'ADMIN.example.com.' })).toEqual(MATCHES)
      expect(decided(match, { sni: 'admin.example.com' })).toEqual(MATCHES)
      expect(decided(match, { sni: 'admin.example.com..' })).toEqual(DIFFERS)
    }
    expect(decided('{ tls: { sni: "*.example.com" } }', { sni: 'ADMIN.example.com.' })).toEqual(MATCHES)
  })

  it('is on the time of the request, not on that of the answer', () => {
    const match = '{ time: { days: [wed], from: "08:00", to: "18:00" } }'
    expect(decided(match, { at: Date.parse('2026-01-07T17:59:59Z') })).toEqual(MATCHES)
    expect(decided(match, { at: Date.parse('2026-01-07T18:00:00Z') })).toEqual(DIFFERS)
    expect(decided(match, { at: Date.parse('2026-01-08T12:00:00Z') })).toEqual(DIFFERS)
  })
})
