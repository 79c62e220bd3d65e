import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ClientCertificate, rawName } from '../../../support/client-certificates.ts'
import { ANYBODY, ask, evidenceOf, schemeOf, startAuthority, subjectIn, WORKLOADS } from './support.ts'

const { issued, spiffe } = await startAuthority()

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
