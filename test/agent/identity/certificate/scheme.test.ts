import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  certificateAuthority,
  type ClientCertificate,
  clientCertificate,
  type ClientOptions,
  rawName,
} from '../../../support/client-certificates.ts'
import { tempFolder } from '../../../support/folder.ts'
import { ask, evidenceOf, schemeOf, subjectIn } from './support.ts'

let ca: ClientCertificate
const issued = (options: ClientOptions): Promise<ClientCertificate> => clientCertificate({ issuer: ca, ...options })
const spiffe = (...ids: string[]): Promise<ClientCertificate> =>
  issued({ names: ids.map((id) => ['url', id] as const) })

beforeAll(async () => {
  ca = await certificateAuthority('O=Example,CN=Test CA')
})

const WORKLOADS = { source: 'uri', trustDomains: 'example.org' } as const
const ANYBODY = '**'

describe('the attack list', () => {
  it('L1: no certificate is no identity, whatever ssl_c_verify says', () => {
    expect(ask(schemeOf(WORKLOADS), undefined)).toEqual({ ok: false, reason: 'client_cert_required' })
  })

  it('L2: a resumed session gives the same certificate, and so the very same identity', async () => {
    const scheme = schemeOf(WORKLOADS)
    const { der } = await spiffe('spiffe://example.org/ns/prod/sa/orders')
    const first = ask(scheme, der)
    expect(subjectIn(first)).toBe('spiffe://example.org/ns/prod/sa/orders')
    expect(ask(scheme, Buffer.from(der))).toBe(first)
  })

  it('L3: a certificate that HAProxy could not verify proves nothing, even after it was accepted once', async () => {
    const scheme = schemeOf(WORKLOADS)
    const { der } = await spiffe('spiffe://example.org/a')
    expect(ask(scheme, der, 18)).toEqual({ ok: false, reason: 'client_cert_untrusted' })
    expect(ask(scheme, der, 0).ok).toBe(true)
    expect(ask(scheme, der, 18)).toEqual({ ok: false, reason: 'client_cert_untrusted' })
  })

  it('L4: a slash in a common name begins no second part', async () => {
    const { der } = await issued({ name: rawName({ CN: 'alice/O=admin' }) })
    expect(subjectIn(ask(schemeOf({ source: 'cn', allow: ANYBODY }), der))).toBe('alice/O=admin')
    expect(subjectIn(ask(schemeOf({ source: 'dn', allow: ANYBODY }), der))).toBe('CN=alice/O=admin')
    expect(subjectIn(ask(schemeOf({ source: 'dn', allow: '**O=admin**,**' }), der))).toBe('client_cert_not_allowed')
  })

  it('L5: a name that is written like two is one, and no SPIFFE ID', async () => {
    const { der } = await spiffe('spiffe://example.org/x, URI:spiffe://example.org/admin')
    expect(subjectIn(ask(schemeOf(WORKLOADS), der))).toBe('client_cert_not_allowed')
    expect(subjectIn(ask(schemeOf({ source: 'uri', allow: ANYBODY }), der))).toBe('client_cert_not_allowed')
  })

  it('L6: a certificate that ends during a session is refused at the next request', async () => {
    let now = Date.now()
    const scheme = schemeOf(WORKLOADS, { now: () => now })
    const { der, certificate } = await spiffe('spiffe://example.org/a')
    expect(ask(scheme, der).ok).toBe(true)
    now = certificate.notAfter.getTime()
    expect(ask(scheme, der).ok).toBe(true)
    now += 1000
    expect(ask(scheme, der)).toEqual({ ok: false, reason: 'client_cert_expired' })
    now = certificate.notBefore.getTime() - 1000
    expect(ask(scheme, der)).toEqual({ ok: false, reason: 'client_cert_expired' })
  })

  it.each([9, 10])('L6: dates that HAProxy was told to ignore (verify %i) are called so', async (verify) => {
    const { der } = await spiffe('spiffe://example.org/a')
    expect(ask(schemeOf(WORKLOADS), der, verify)).toEqual({ ok: false, reason: 'client_cert_expired' })
  })

  it('L7: of two SPIFFE IDs neither is the caller, whichever is allowed', async () => {
    const { der } = await spiffe('spiffe://example.org/a', 'spiffe://other.org/b')
    expect(subjectIn(ask(schemeOf(WORKLOADS), der))).toBe('client_cert_not_allowed')
    const other = await spiffe('spiffe://example.org/a', 'https://example.org/a')
    expect(subjectIn(ask(schemeOf(WORKLOADS), other.der))).toBe('client_cert_not_allowed')
  })

  it('L8: a wildcard is no name, even where everything is allowed', async () => {
    const { der } = await issued({ names: [['dns', '*.example.org']] })
    for (const allow of ['*.example.org', '**', '**.example.org']) {
      expect(subjectIn(ask(schemeOf({ source: 'dns', allow }), der))).toBe('client_cert_not_allowed')
    }
  })

  it('L9: X-Forwarded-Client-Cert is not read, whoever sends it', () => {
    const headers = new Map([['x-forwarded-client-cert', { value: 'URI=spiffe://example.org/a', count: 1 }]])
    const scheme = schemeOf(WORKLOADS)
    expect(scheme.locations.map((location) => location.read({ ...evidenceOf(undefined), headers }))).toEqual([
      undefined,
    ])
    expect(scheme.authenticate('', { ...evidenceOf(undefined), headers })).toEqual({
      ok: false,
      reason: 'client_cert_required',
    })
  })
})

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

describe('which name counts', () => {
  const all = {
    name: rawName({ O: 'Example' }, { CN: 'the name' }),
    names: [
      ['url', 'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6'],
      ['dns', 'a.example.org'],
      ['email', 'Alice@Example.org'],
    ],
  } as const

  it.each([
    ['uri', 'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6'],
    ['dns', 'a.example.org'],
    ['email', 'Alice@example.org'],
    ['cn', 'the name'],
    ['dn', 'CN=the name,O=Example'],
  ] as const)('%s is %s', async (source, subject) => {
    const { der } = await issued(all)
    expect(subjectIn(ask(schemeOf({ source, allow: ANYBODY }), der))).toBe(subject)
  })

  it('x5t is the digest of the certificate', async () => {
    const { der } = await issued(all)
    const digest = createHash('sha256').update(der).digest('base64url')
    expect(subjectIn(ask(schemeOf({ source: 'x5t', allow: digest }), der))).toBe(digest)
    expect(subjectIn(ask(schemeOf({ source: 'x5t', allow: 'A'.repeat(43) }), der))).toBe('client_cert_not_allowed')
  })

  it.each(['uri', 'dns', 'email', 'cn', 'dn'] as const)(
    'without a %s there is no caller: others are not asked',
    async (source) => {
      const everythingElse = {
        name: rawName(...(source === 'cn' ? [{ O: 'x' }] : source === 'dn' ? [] : [{ CN: 'x' }])),
        names: all.names.filter(([type]) => type !== (source === 'uri' ? 'url' : source)),
      }
      const { der } = await issued(everythingElse)
      expect(subjectIn(ask(schemeOf({ source, allow: ANYBODY }), der))).toBe('client_cert_not_allowed')
    },
  )

  it.each([
    [
      'dns',
      [
        ['dns', 'a.example.org'],
        ['dns', 'b.example.org'],
      ],
    ],
    [
      'email',
      [
        ['email', 'a@example.org'],
        ['email', 'b@example.org'],
      ],
    ],
    [
      'uri',
      [
        ['url', 'https://a'],
        ['url', 'https://b'],
      ],
    ],
  ] as const)('of two %s neither counts', async (source, names) => {
    const { der } = await issued({ names })
    expect(subjectIn(ask(schemeOf({ source, allow: ANYBODY }), der))).toBe('client_cert_not_allowed')
  })

  it('of two common names neither counts, in one part of the name or in two', async () => {
    const scheme = schemeOf({ source: 'cn', allow: ANYBODY })
    const { der } = await issued({ name: rawName({ CN: 'alice' }, { CN: 'admin' }) })
    expect(subjectIn(ask(scheme, der))).toBe('client_cert_not_allowed')
  })

  it.each([
    ['a control character', 'ali\u0000ce'],
    ['a line end', 'alice\nCN=admin'],
    ['a space at its end', 'alice '],
    ['nothing', ''],
    ['1025 bytes', 'a'.repeat(1025)],
  ])('a common name with %s is none', async (_what, cn) => {
    const { der } = await issued({ name: rawName({ CN: cn }) })
    expect(subjectIn(ask(schemeOf({ source: 'cn', allow: ANYBODY }), der))).toBe('client_cert_not_allowed')
  })

  it.each(['al,ice "q" \\ + <é> #;=', '#616c696365', 'CN=admin + CN=x', 'Zoë 😀'])(
    'a common name may hold what needs escapes: %s',
    async (cn) => {
      const { der } = await issued({ name: rawName({ CN: cn, O: 'x' }) })
      expect(subjectIn(ask(schemeOf({ source: 'cn', allow: ANYBODY }), der))).toBe(cn)
    },
  )

  it.each(['a..b', '-a.b', 'a.b.', 'a b', 'a\u0000.b', 'é.org', `${'a'.repeat(64)}.org`, 'a.org/b'])(
    'a host name has labels of letters, digits and hyphens: not %j',
    async (name) => {
      const { der } = await issued({ names: [['dns', name]] })
      expect(subjectIn(ask(schemeOf({ source: 'dns', allow: ANYBODY }), der))).toBe('client_cert_not_allowed')
    },
  )

  it.each(['@example.org', 'a@', 'a b@example.org', 'a@b@example.org', 'a', '"a"@example.org', 'a,b@example.org'])(
    '%j is no mail address',
    async (name) => {
      const { der } = await issued({ names: [['email', name]] })
      expect(subjectIn(ask(schemeOf({ source: 'email', allow: ANYBODY }), der))).toBe('client_cert_not_allowed')
    },
  )

  it.each(['orders', 'https://a b', 'https://a/\u0000', 'SPIFFE://example.org/a', 'spiffe://example.org'])(
    '%j is no URI of a caller',
    async (name) => {
      const { der } = await issued({ names: [['url', name]] })
      expect(subjectIn(ask(schemeOf({ source: 'uri', allow: ANYBODY }), der))).toBe('client_cert_not_allowed')
    },
  )

  it('names of other kinds are passed over, however they are written', async () => {
    const { der } = await issued({
      names: [
        ['upn', 'u@x, URI:spiffe://example.org/evil'],
        ['ip', '192.0.2.1'],
        ['id', '1.2.3.4'],
        ['guid', '8ee13e53-2c1c-42bb-8df7-39927c0bdbb6'],
        ['dn', 'CN=x'],
        ['url', 'spiffe://example.org/a'],
      ],
    })
    expect(subjectIn(ask(schemeOf(WORKLOADS), der))).toBe('spiffe://example.org/a')
  })
})

describe('who is allowed', () => {
  it('only the trust domains named', async () => {
    const scheme = schemeOf({ source: 'uri', trustDomains: ['example.org', 'example.net'] })
    const subject = async (id: string): Promise<string> => subjectIn(ask(scheme, (await spiffe(id)).der))
    expect(await subject('spiffe://example.net/a')).toBe('spiffe://example.net/a')
    expect(await subject('spiffe://example.com/a')).toBe('client_cert_not_allowed')
    expect(await subject('spiffe://sub.example.org/a')).toBe('client_cert_not_allowed')
    expect(await subject('https://example.org/a')).toBe('client_cert_not_allowed')
  })

  it('of them only those that a pattern allows', async () => {
    const scheme = schemeOf({ ...WORKLOADS, allow: ['spiffe://example.org/ns/prod/sa/*'] })
    const subject = async (id: string): Promise<string> => subjectIn(ask(scheme, (await spiffe(id)).der))
    expect(await subject('spiffe://example.org/ns/prod/sa/a')).toBe('spiffe://example.org/ns/prod/sa/a')
    expect(await subject('spiffe://example.org/ns/test/sa/a')).toBe('client_cert_not_allowed')
    expect(await subject('spiffe://example.org/ns/prod/sa/a/b')).toBe('client_cert_not_allowed')
  })

  it('no certificate that may sign others', async () => {
    const { der } = await issued({ authority: true, names: [['url', 'spiffe://example.org/a']] })
    expect(subjectIn(ask(schemeOf(WORKLOADS), der))).toBe('client_cert_not_allowed')
  })

  it('only issuers of the given names', async () => {
    const { der } = await spiffe('spiffe://example.org/a')
    expect(ask(schemeOf({ ...WORKLOADS, issuers: 'CN=Test CA,O=Example' }), der).ok).toBe(true)
    expect(subjectIn(ask(schemeOf({ ...WORKLOADS, issuers: 'CN=Test CA' }), der))).toBe('client_cert_not_allowed')
  })

  it('only what an authority of caFile signed itself: another one of the same name does not do', async () => {
    const namesake = await certificateAuthority('O=Example,CN=Test CA')
    const caFile = join(tempFolder(), 'ca.pem')
    writeFileSync(caFile, namesake.cert)
    const scheme = schemeOf({ ...WORKLOADS, caFile })
    onTestFinished(() => scheme.close?.())
    const { der } = await spiffe('spiffe://example.org/a')
    expect(scheme.ready?.()).toBe(false)
    expect(subjectIn(ask(scheme, der))).toBe('secrets_unavailable')
    scheme.start?.()
    await vi.waitUntil(() => scheme.ready?.())
    expect(subjectIn(ask(scheme, der))).toBe('client_cert_not_allowed')
    expect(scheme.status?.()).toMatchObject({ provider: 'machines', keys: 1, stale: false })

    writeFileSync(caFile, `${namesake.cert}\n${ca.cert}`)
    const both = schemeOf({ ...WORKLOADS, caFile })
    onTestFinished(() => both.close?.())
    both.start?.()
    await vi.waitUntil(() => both.ready?.())
    expect(subjectIn(ask(both, der))).toBe('spiffe://example.org/a')
  })
})

it('a certificate that was refused is judged anew when caFile has changed, and the other way round', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => {
    vi.useRealTimers()
  })
  const caFile = join(tempFolder(), 'ca.pem')
  writeFileSync(caFile, (await certificateAuthority('O=Other,CN=Other CA')).cert)
  const scheme = schemeOf({ ...WORKLOADS, caFile })
  onTestFinished(() => scheme.close?.())
  const { der } = await spiffe('spiffe://example.org/a')
  scheme.start?.()
  await vi.waitUntil(() => scheme.ready?.())
  expect(subjectIn(ask(scheme, der))).toBe('client_cert_not_allowed')
  for (const [content, expected] of [
    [ca.cert, 'spiffe://example.org/a'],
    [(await certificateAuthority('O=Third,CN=Third CA')).cert, 'client_cert_not_allowed'],
  ] as const) {
    writeFileSync(caFile, content)
    vi.advanceTimersByTime(10_000)
    await vi.waitUntil(() => subjectIn(ask(scheme, der)) === expected, { timeout: 4000 })
  }
})

describe('what is no certificate', () => {
  it.each([
    ['nothing', () => Buffer.alloc(0)],
    ['a certificate in PEM', (client: ClientCertificate) => Buffer.from(client.cert)],
    ['one with a byte behind it', (client: ClientCertificate) => Buffer.concat([client.der, Buffer.from([0])])],
    ['one cut short', (client: ClientCertificate) => client.der.subarray(0, client.der.length - 1)],
  ])('%s is refused', async (_what, bytes) => {
    const client = await spiffe('spiffe://example.org/a')
    expect(ask(schemeOf(WORKLOADS), bytes(client))).toEqual({ ok: false, reason: 'client_cert_untrusted' })
  })

  it('random bytes, and certificates with bytes changed, never throw and never gain a name', async () => {
    const { der } = await issued({
      name: rawName({ CN: 'x', O: 'y' }),
      names: [['url', 'spiffe://example.org/a']],
    })
    const change = fc.record({ at: fc.nat(der.length - 1), to: fc.integer({ min: 0, max: 255 }) })
    const schemes = (['uri', 'dns', 'email', 'cn', 'dn', 'x5t'] as const).map((source) =>
      schemeOf({ source, allow: ANYBODY }),
    )
    const check = (bytes: Uint8Array): void => {
      for (const scheme of schemes) {
        const result = ask(scheme, bytes)
        expect(result.ok ? result.identity.method : result.reason).toMatch(/^(?:certificate|client_cert_\w+)$/)
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), check), { numRuns: 200 })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = Buffer.from(der)
        for (const { at, to } of changes) bytes[at] = to
        check(bytes)
      }),
      { numRuns: 1000 },
    )
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
