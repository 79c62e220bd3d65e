import { expect, it } from 'vitest'
import { Actors } from '../../../agent/actor/actors.ts'
import { DEFAULT_FIELDS } from '../../../agent/actor/fields.ts'
import { TOLD_ROLES, TOLD_SCOPES } from '../../../agent/identity/identity.ts'
import { actorPseudonym, type KeyMaterial, PseudonymKey } from '../../../agent/identity/pseudonym.ts'
import { Secret } from '../../../agent/secrets/secret.ts'
import { identityOf } from '../rules/support.ts'

const SIGHTING = { requestId: 'r-1', rule: 'orders', failOpen: false }
const COMMON = { requestId: 'r-1', rule: 'orders', decision: { rule: 'orders', failOpen: false } }

const keyOf = (secret = 'a secret of enough characters', id = 'k1') =>
  new PseudonymKey(id, { current: new Secret(secret) })

const identity = identityOf({
  method: 'introspection',
  subject: 'ann@example.com',
  roles: ['buyer'],
  scopes: ['orders:write'],
  credentialId: 'jti-1',
  session: 'session-1',
  issuedAt: 1_700_000_000,
  expiresAt: 1_700_000_600.5,
})

it('tells by default what attribution needs, in plain text', () => {
  expect(new Actors().actorOf(identity, SIGHTING)).toEqual({
    v: 1,
    type: 'introspection',
    provider: 'corp',
    issuer: 'https://id.example.com',
    subject: 'ann@example.com',
    tenant: 'acme',
    roles: ['buyer'],
    scopes: ['orders:write'],
    credentialId: 'jti-1',
    issuedAt: 1_700_000_000_000,
    expiresAt: 1_700_000_600_500,
    ...COMMON,
  })
})

it('leaves out what the identity has not', () => {
  const bare = identityOf({ tenant: '', expiresAt: Number.POSITIVE_INFINITY })
  expect(new Actors().actorOf(bare, SIGHTING)).toEqual({
    v: 1,
    type: 'jwt',
    provider: 'corp',
    issuer: 'https://id.example.com',
    subject: 'alice',
    roles: [],
    scopes: [],
    ...COMMON,
  })
})

it('nobody is anonymous, and it shows when the rule let him through for want of an answer', () => {
  const anonymous = { v: 1, type: 'anonymous', roles: [], scopes: [] }
  expect(new Actors().actorOf(undefined, SIGHTING)).toEqual({ ...anonymous, ...COMMON })
  expect(new Actors().actorOf(undefined, { ...SIGHTING, failOpen: true })).toEqual({
    ...anonymous,
    ...COMMON,
    decision: { rule: 'orders', failOpen: true },
  })
})

it('with a key it adds the caller and his credential as keyed hashes', () => {
  const key = keyOf()
  const actor = new Actors(DEFAULT_FIELDS, key).actorOf(identity, SIGHTING)
  expect(actor.id).toBe(actorPseudonym(key, 'corp', 'ann@example.com'))
  expect(actor.id).toMatch(/^k1\.[\w-]{22}$/)
  expect(actor.credential).toMatch(/^k1\.[\w-]{22}$/)
  expect(actor.credential).not.toContain(identity.digest)
})

it('with pseudonyms for everything personal, nothing of it is left', () => {
  const fields = { ...DEFAULT_FIELDS, subject: 'pseudonym', tenant: 'pseudonym', session: 'pseudonym' } as const
  const actor = new Actors(fields, keyOf()).actorOf(identity, SIGHTING)
  expect(actor.subject).toBe(actor.id)
  expect(actor.tenant).toMatch(/^k1\./)
  expect(actor.session).toMatch(/^k1\./)
  expect(new Set([actor.subject, actor.tenant, actor.session]).size).toBe(3)
  expect(JSON.stringify(actor)).not.toMatch(/ann|acme|session-1/)
})

it('omits every field it is told to', () => {
  const omit = 'omit' as const
  const fields = { subject: omit, tenant: omit, session: omit, roles: omit, scopes: omit, credentialId: omit }
  expect(new Actors(fields).actorOf(identity, SIGHTING)).toEqual({
    v: 1,
    type: 'introspection',
    provider: 'corp',
    issuer: 'https://id.example.com',
    roles: [],
    scopes: [],
    issuedAt: 1_700_000_000_000,
    expiresAt: 1_700_000_600_500,
    ...COMMON,
  })
})

it('a field that asks for a pseudonym is left out rather than shown when there is no key', () => {
  const fields = { ...DEFAULT_FIELDS, subject: 'pseudonym' } as const
  expect(new Actors(fields).actorOf(identity, SIGHTING)).not.toHaveProperty('subject')
})

it('another secret makes other pseudonyms, also of callers that were seen before', () => {
  const material: { current: KeyMaterial['current'] } = { current: new Secret('a secret of enough characters') }
  const actors = new Actors(DEFAULT_FIELDS, new PseudonymKey('k1', material))
  const before = actors.actorOf(identity, SIGHTING).id
  expect(actors.actorOf(identity, SIGHTING).id).toBe(before)
  material.current = new Secret('another secret, long enough too')
  expect(actors.actorOf(identity, SIGHTING).id).not.toBe(before)
})

it('tells of the first roles and scopes only, however many the caller has: histories keep it for months', () => {
  const many = Array.from({ length: 200 }, (_, i) => `name-${i}`)
  const actor = new Actors().actorOf(identityOf({ roles: many, scopes: many }), SIGHTING)
  expect([actor.roles, actor.scopes]).toEqual([many.slice(0, TOLD_ROLES), many.slice(0, TOLD_SCOPES)])
})
