import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { judgeClaims } from '../../../agent/identity/claims.ts'
import type { Identity } from '../../../agent/identity/identity.ts'
import type { JsonObject } from '../../../agent/identity/plain-json.ts'
import { tokenDigest } from '../../../agent/identity/token-digest.ts'
import type { ProviderConfig } from '../../../agent/identity/config.ts'
import { provider } from './support/provider.ts'

const ISSUER = 'https://idp.example'
const NOW = 1_800_000_000

function identityOf(members: string, overrides: Partial<ProviderConfig> = {}): Identity {
  const text = `{"iss":"${ISSUER}","aud":"orders-api","exp":${NOW + 60},"sub":"user-1"${members}}`
  const payload = JSON.parse(text) as JsonObject
  const token = { typ: undefined, payload, alg: 'RS256', kid: '2026-11' }
  const identity = judgeClaims(token, tokenDigest('a.b.c'), provider(ISSUER, overrides), NOW)
  if (typeof identity === 'string') throw new Error(identity)
  return identity
}

describe('the identity of a token', () => {
  it('gives its claims without prototypes, without __proto__ and frozen, whoever reads them first', () => {
    const { claims } = identityOf(',"__proto__":{"admin":true},"deep":[{"__proto__":{"admin":true},"a":1}]')
    const [inner] = claims['deep'] as [object]
    expect([claims['constructor'], claims['admin'], Object.hasOwn(claims, '__proto__')]).toEqual([
      undefined,
      undefined,
      false,
    ])
    expect([claims, claims['deep'], inner].every(Object.isFrozen)).toBe(true)
    expect([Object.getPrototypeOf(claims), Object.getPrototypeOf(inner)]).toEqual([null, null])
    expect(Object.keys(inner)).toEqual(['a'])
  })

  it('gives the same claims and the same digest every time', () => {
    const identity = identityOf('')
    expect(identity.claims).toBe(identity.claims)
    expect(identity.digest).toBe(createHash('sha256').update('a.b.c').digest('base64url'))
    expect(identity.digest).toBe(identity.digest)
  })

  it('tells the algorithm and the key of its signature, as its header names them', () => {
    expect(identityOf('')).toMatchObject({ algorithm: 'RS256', keyId: '2026-11' })
    expect(identityOf('', {}).twinDigest).toBeUndefined()
  })

  it('cannot be given other claims or another digest', () => {
    const identity = identityOf('')
    expect(() => Object.assign(identity, { claims: {} })).toThrow(TypeError)
    expect(() => Object.assign(identity, { digest: '' })).toThrow(TypeError)
    expect(identity.claims['sub']).toBe('user-1')
  })

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])(
    'finds nothing under a path of %s that the token does not name',
    (name) => {
      const claims = { subject: ['sub'], tenant: [name, 'name'], roles: [name] }
      expect(identityOf('', { claims })).toMatchObject({ tenant: '', roles: [] })
    },
  )

  it('finds nothing below __proto__ even where the token names it', () => {
    const claims = { subject: ['sub'], tenant: ['__proto__', 'tenant'], roles: ['deep', '__proto__', 'roles'] }
    const members = ',"__proto__":{"tenant":"acme"},"deep":{"__proto__":{"roles":["admin"]}}'
    expect(identityOf(members, { claims })).toMatchObject({ tenant: '', roles: [] })
  })
})
