import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { rawName } from '../../../support/client-certificates.ts'
import { ask, schemeOf, startAuthority, subjectIn, WORKLOADS } from './support.ts'

const { issued, spiffe } = await startAuthority()

describe('the identity', () => {
  it('says what the certificate says', async () => {
    const client = await issued({
      name: rawName({ O: 'Example, Inc.' }, { CN: 'orders' }),
      names: [
        ['url', 'spiffe://example.org/ns/prod/sa/orders'],
        ['dns', 'orders.example.org'],
        ['email', 'ops@example.org'],
      ],
      serialNumber: '0a1b2c',
      notBefore: new Date('2020-01-01T00:00:00Z'),
      notAfter: new Date('2049-01-01T00:00:00Z'),
    })
    const scheme = schemeOf({
      ...WORKLOADS,
      tenant: { segment: 2 },
      roles: { 'spiffe://example.org/ns/*/sa/orders': ['writer', 'reader'], 'spiffe://example.org/**': 'reader' },
    })
    const x5t = createHash('sha256').update(client.der).digest('base64url')
    const result = ask(scheme, client.der)
    expect(result).toEqual({
      ok: true,
      identity: {
        provider: 'machines',
        method: 'certificate',
        issuer: 'example.org',
        subject: 'spiffe://example.org/ns/prod/sa/orders',
        tenant: 'prod',
        roles: ['writer', 'reader'],
        scopes: [],
        claims: {
          san_uri: ['spiffe://example.org/ns/prod/sa/orders'],
          san_dns: ['orders.example.org'],
          san_email: ['ops@example.org'],
          cn: 'orders',
          subject_dn: 'CN=orders,O=Example\\, Inc.',
          issuer_dn: 'CN=Test CA,O=Example',
          serial: '0A1B2C',
          not_before: 1_577_836_800,
          not_after: 2_493_072_000,
          x5t,
        },
        expiresAt: 2_493_072_000,
        issuedAt: 1_577_836_800,
        credentialId: '0A1B2C',
        session: '',
        digest: x5t,
        twinDigest: expect.stringMatching(/^[\w-]{43}$/) as string,
        confirmation: undefined,
        variables: {},
      },
    })
    if (!result.ok) throw new Error(result.reason)
    expect(Object.isFrozen(result.identity.claims) && Object.isFrozen(result.identity.claims['san_uri'])).toBe(true)
    expect(result.identity.claims['constructor']).toBeUndefined()
  })

  it('has the DN of the issuer for its issuer where there is no trust domain', async () => {
    const { der } = await issued({ names: [['dns', 'Orders.Example.ORG']] })
    const result = ask(schemeOf({ source: 'dns', allow: 'orders.example.org', tenant: 'acme' }), der)
    expect(result).toMatchObject({
      identity: { issuer: 'CN=Test CA,O=Example', subject: 'orders.example.org', tenant: 'acme', roles: [] },
    })
  })

  it('is refused where the certificate lacks the segment that names its tenant', async () => {
    const { der } = await spiffe('spiffe://example.org/a')
    expect(subjectIn(ask(schemeOf({ ...WORKLOADS, tenant: { segment: 2 } }), der))).toBe('client_cert_not_allowed')
  })
})

it('remembers as many certificates as it may, and no more', async () => {
  const scheme = schemeOf(WORKLOADS, { limits: { maxEntries: 1, maxBytes: 1e6 } })
  const a = await spiffe('spiffe://example.org/a')
  const b = await spiffe('spiffe://example.org/b')
  const first = ask(scheme, a.der)
  expect(ask(scheme, a.der)).toBe(first)
  ask(scheme, b.der)
  expect(ask(scheme, a.der)).not.toBe(first)
  expect(ask(scheme, a.der)).toEqual(first)
})

it('recognises nothing but a certificate, and says that it needs one', () => {
  const scheme = schemeOf(WORKLOADS)
  expect(scheme.recognises('')).toBe(true)
  expect(scheme.recognises('eyJ.e30.x')).toBe(false)
  expect(scheme.needs).toEqual({ certificate: true })
  expect(scheme.ready?.()).toBe(true)
})
