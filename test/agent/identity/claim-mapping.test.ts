import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { judgeClaims } from '../../../agent/identity/claims.ts'
import type { ProviderConfig, RequiredClaim } from '../../../agent/identity/config.ts'
import type { Identity } from '../../../agent/identity/identity.ts'
import type { JsonObject } from '../../../agent/identity/plain-json.ts'
import { provider } from './support/provider.ts'

const ISSUER = 'https://idp.example'
const NOW = 1_800_000_000
const GOOD = { iss: ISSUER, sub: 'user-1', aud: 'orders-api', exp: NOW + 300 }
const claims = { subject: ['sub'], tenant: ['tenant'], roles: ['roles'] }

function judge(changes: object, overrides: Partial<ProviderConfig> = {}) {
  const payload = JSON.parse(JSON.stringify({ ...GOOD, ...changes })) as JsonObject
  return judgeClaims({ typ: undefined, payload }, 'digest', provider(ISSUER, overrides), NOW)
}

function accepted(changes: object, overrides: Partial<ProviderConfig> = {}): Identity {
  const identity = judge(changes, overrides)
  if (typeof identity === 'string') throw new Error(identity)
  return identity
}

describe('required claims', () => {
  const requiring = (...requiredClaims: RequiredClaim[]) => ({ requiredClaims })

  it.each([
    ['a value', { path: ['a'], values: ['x', 'y'] }, { a: 'y' }],
    ['a number', { path: ['a'], values: [7] }, { a: 7 }],
    ['a boolean', { path: ['a'], values: [true] }, { a: true }],
    ['one member of a list', { path: ['a'], values: ['x'] }, { a: ['w', 'x'] }],
    [
      'a path through names of URLs',
      { path: ['https://a.b/', 'c.d'], values: ['x'] },
      { 'https://a.b/': { 'c.d': 'x' } },
    ],
    ['a pattern', { path: ['a'], patterns: ['x*'] }, { a: 'xy' }],
    ['a value or a pattern', { path: ['a'], values: [1], patterns: ['x*'] }, { a: 'xy' }],
    ['mere presence', { path: ['a'] }, { a: { b: 1 } }],
    ['false is there', { path: ['a'] }, { a: false }],
  ])('hold by %s', (_what, required, changes) => {
    expect(judge(changes, requiring(required))).toMatchObject({ subject: 'user-1' })
  })

  it.each([
    ['another value', { path: ['a'], values: ['x'] }, { a: 'y' }, 'claim_invalid'],
    ['another case', { path: ['a'], values: ['x'] }, { a: 'X' }, 'claim_invalid'],
    ['the text of a boolean', { path: ['a'], values: [true] }, { a: 'true' }, 'claim_invalid'],
    ['the text of a number', { path: ['a'], values: [7] }, { a: '7' }, 'claim_invalid'],
    ['a number where a pattern is asked', { path: ['a'], patterns: ['*'] }, { a: 7 }, 'claim_invalid'],
    ['a list without it', { path: ['a'], values: ['x'] }, { a: ['y', ['x']] }, 'claim_invalid'],
    ['an object', { path: ['a'], values: ['x'] }, { a: { x: 'x' } }, 'claim_invalid'],
    ['absence', { path: ['a'], values: ['x'] }, {}, 'claim_missing'],
    ['null', { path: ['a'] }, { a: null }, 'claim_missing'],
    ['an empty text', { path: ['a'], patterns: ['*'] }, { a: '' }, 'claim_missing'],
    ['an empty list', { path: ['a'] }, { a: [] }, 'claim_missing'],
    ['a path that ends early', { path: ['a', 'b'] }, { a: 'x' }, 'claim_missing'],
    ['a path into a list', { path: ['a', '0'] }, { a: ['x'] }, 'claim_missing'],
    ['what every object has', { path: ['constructor'] }, {}, 'claim_missing'],
    ['what every object has, below', { path: ['a', 'toString'] }, { a: {} }, 'claim_missing'],
  ])('fail by %s', (_what, required, changes, reason) => {
    expect(judge(changes, requiring(required))).toBe(reason)
  })

  it('must hold all', () => {
    const both = requiring({ path: ['a'], values: ['x'] }, { path: ['b'], values: ['y'] })
    expect(judge({ a: 'x', b: 'y' }, both)).toMatchObject({ subject: 'user-1' })
    expect(judge({ a: 'x', b: 'z' }, both)).toBe('claim_invalid')
    expect(judge({ b: 'y' }, both)).toBe('claim_missing')
  })
})

it('tenants are those listed', () => {
  const tenants = { tenants: ['acme', '42'] }
  expect(judge({ tenant: 'acme' }, tenants)).toMatchObject({ tenant: 'acme' })
  expect(judge({ tenant: 42 }, tenants)).toMatchObject({ tenant: '42' })
  expect(judge({ tenant: 'acme2' }, tenants)).toBe('claim_invalid')
  expect(judge({}, tenants)).toBe('claim_missing')
})

describe('required scopes', () => {
  const requiredScopes = { requiredScopes: ['a', 'b'] }

  it('must all be granted', () => {
    expect(judge({ scope: 'a b c' }, requiredScopes)).toMatchObject({ scopes: ['a', 'b', 'c'] })
    expect(judge({ scp: ['b', 'a'] }, requiredScopes)).toMatchObject({ scopes: ['b', 'a'] })
    expect(judge({ scope: 'a' }, requiredScopes)).toBe('insufficient_scope')
    expect(judge({}, requiredScopes)).toBe('insufficient_scope')
    expect(judge({ scope: 'a bb' }, requiredScopes)).toBe('insufficient_scope')
  })

  it('are found wherever they stand', () => {
    const many = Array.from({ length: 150 }, (_, i) => `s${i}`)
    expect(accepted({ scope: many.join(' ') }, { requiredScopes: ['s149'] }).scopes).toEqual(many)
  })
})

describe('the role map', () => {
  const roleMap = { 'grp-buyers': ['buyer'], 'grp-admins': ['admin', 'buyer'] }

  it('gives roles by group and drops the rest, or keeps it', () => {
    const roles = ['grp-admins', 'other', 'grp-buyers']
    expect(accepted({ roles }, { roleMap }).roles).toEqual(['admin', 'buyer'])
    expect(accepted({ roles }, { roleMap, keepUnmappedRoles: true }).roles).toEqual(['admin', 'buyer', 'other'])
    expect(accepted({ roles }).roles).toEqual(roles)
  })

  it('finds a group behind the fifty roles that are kept', () => {
    const roles = [...Array.from({ length: 200 }, (_, i) => `g${i}`), 'grp-buyers']
    expect(accepted({ roles }, { roleMap }).roles).toEqual(['buyer'])
  })

  it('holds nothing that it was not given', () => {
    const roles = ['constructor', '__proto__', 'toString', 'hasOwnProperty']
    expect(accepted({ roles }, { roleMap }).roles).toEqual([])
  })
})

describe('the audience claim', () => {
  const audienceClaim = { audienceClaim: ['client_id'], audience: ['client-1'] }

  it('takes the place of aud', () => {
    expect(judge({ client_id: 'client-1' }, audienceClaim)).toMatchObject({ subject: 'user-1' })
    expect(judge({ client_id: 'client-2', aud: 'client-1' }, audienceClaim)).toBe('audience_mismatch')
    expect(judge({ aud: 'client-1' }, audienceClaim)).toBe('claim_missing')
  })
})

it('ID tokens are accepted where the provider allows them', () => {
  const idToken = { nonce: 'n', at_hash: 'h', token_use: 'id' }
  expect(judge(idToken)).toBe('typ_mismatch')
  expect(judge(idToken, { allowIdToken: true })).toMatchObject({ subject: 'user-1' })
})

describe('variables', () => {
  const variablesOf = (value: unknown) => ({
    ...accepted({ x: { y: value } }, { claims: { ...claims, variables: { v: ['x', 'y'] } } }).variables,
  })

  it.each([
    ['text', 'grün', 'grün'],
    ['a number', 42, 42],
    ['zero', 0, 0],
    ['false', false, false],
    ['a list', ['a', 'b c'], 'a,b c'],
    ['a text of 1024 bytes', 'a'.repeat(1024), 'a'.repeat(1024)],
  ])('carry %s', (_what, value, variable) => {
    expect(variablesOf(value)).toEqual({ v: variable })
  })

  it.each([
    ['absent', undefined],
    ['null', null],
    ['empty', ''],
    ['with CR LF', 'a\r\nX-Admin: 1'],
    ['with NUL', 'a\0'],
    ['with DEL', 'a\x7f'],
    ['with a C1 control character', 'a\u0085b'],
    ['with a lone surrogate', 'a\ud800'],
    ['with a space at its end', 'admin '],
    ['of 1025 bytes', 'a'.repeat(1025)],
    ['a fraction', 1.5],
    ['a number beyond what is exact', 2 ** 53],
    ['an object', { a: 1 }],
    ['an empty list', []],
    ['a list with a comma in a member', ['a,b', 'c']],
    ['a list with a number', ['a', 1]],
    ['a list with an unsafe member', ['a', 'b\n']],
    ['a list of lists', [['a']]],
    ['a list too long', Array.from({ length: 200 }, () => 'abcdefgh')],
  ])('are not set by what is %s, and the token is accepted', (_what, value) => {
    expect(variablesOf(value)).toEqual({})
  })

  it('hold 8 KiB together, in the order of the configuration', () => {
    const names = Array.from({ length: 12 }, (_, i) => `v${i}`)
    const values = Object.fromEntries(names.map((name) => [name, 'a'.repeat(1000)]))
    const variables = Object.fromEntries(names.map((name) => [name, [name]]))
    expect(Object.keys(accepted(values, { claims: { ...claims, variables } }).variables)).toEqual(names.slice(0, 8))
  })

  it('of any claims whatsoever are plain, frozen and safe to write into a header', () => {
    // A token is JSON text: names such as __proto__ are written as such, not set as a prototype.
    const paths = { a: ['k'], b: ['k', 'k'], c: ['__proto__'], d: ['constructor'], e: ['constructor', 'name'] }
    const config = provider(ISSUER, { claims: { ...claims, variables: paths } })
    fc.assert(
      fc.property(
        fc.json({ stringUnit: 'binary', maxDepth: 3 }),
        fc.string({ unit: 'binary' }),
        fc.constantFrom('k', '__proto__', 'constructor', 'roles', 'tenant', 'sub'),
        (json, text, name) => {
          const rest = JSON.stringify(name === 'sub' ? { ...GOOD, sub: undefined } : GOOD).slice(0, -1)
          for (const value of [json, JSON.stringify(text), `{"k":${json}}`, `[${JSON.stringify(text)}]`]) {
            const payload = JSON.parse(`${rest},"${name}":${value}}`) as JsonObject
            const identity = judgeClaims({ typ: undefined, payload }, 'digest', config, NOW)
            if (typeof identity === 'string') continue
            expect(Object.getPrototypeOf(identity.variables)).toBeNull()
            expect(Object.getPrototypeOf(identity.claims)).toBeNull()
            expect(Object.isFrozen(identity.variables)).toBe(true)
            const texts = [...Object.values(identity.variables), identity.subject, identity.tenant, ...identity.roles]
            for (const one of texts) {
              if (typeof one === 'number') expect(Number.isSafeInteger(one)).toBe(true)
              else if (typeof one !== 'boolean') expect(one).not.toMatch(/[\u0000-\u001f\u007f-\u009f]|\p{Surrogate}/u)
            }
          }
        },
      ),
      { numRuns: 1000 },
    )
    expect(({} as Record<string, unknown>)['k']).toBeUndefined()
  })
})
