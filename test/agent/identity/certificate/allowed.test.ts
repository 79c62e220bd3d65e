import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { certificateAuthority } from '../../../support/client-certificates.ts'
import { tempFolder } from '../../../support/folder.ts'
import { ask, schemeOf, startAuthority, subjectIn, WORKLOADS } from './support.ts'

const { ca, issued, spiffe } = await startAuthority()

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
