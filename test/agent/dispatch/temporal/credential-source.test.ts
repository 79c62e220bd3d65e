import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { CredentialSource } from '../../../../agent/dispatch/temporal/credential-source.ts'
import type { EndpointOptions } from '../../../../agent/dispatch/protocol.ts'
import {
  certificateAuthority,
  type ClientCertificate,
  clientCertificate,
} from '../../../support/client-certificates.ts'
import { credentialFolder } from './support/credential-folder.ts'
import { recordedLog } from './support/recorded-log.ts'

const IN_USE = 'a credential for Temporal cannot be used: what is in use stays'

let issuer: ClientCertificate
let first: ClientCertificate
let second: ClientCertificate
beforeEach(async () => {
  issuer = await certificateAuthority()
  first = await clientCertificate({ issuer, name: 'CN=first' })
  second = await clientCertificate({ issuer, name: 'CN=second' })
})

/** A source that looks when it is told to. */
function setUp(endpoint: Pick<EndpointOptions, 'tls' | 'apiKey'>) {
  const log = recordedLog()
  const source = new CredentialSource({ endpoint, log, pollMs: 2 ** 30 })
  onTestFinished(() => source.close())
  let changes = 0
  source.watch(() => changes++)
  return { source, log, changes: () => changes }
}

/** A folder with an authority and the first pair, and its source. */
async function withPair() {
  const files = credentialFolder()
  files.write('ca.pem', issuer.cert)
  files.writePair(first)
  const set = setUp({ tls: files.tls })
  await set.source.start()
  const shown = () => {
    const tls = set.source.current?.tls
    return tls ? tls.pair?.cert : undefined
  }
  return { files, shown, ...set }
}

test('without files everything is there at once', async () => {
  const { source } = setUp({ apiKey: { value: 'key-1' } })
  expect(source.current).toMatchObject({ tls: { ca: undefined, pair: undefined }, expiresAt: undefined })
  expect(source.current?.apiKey?.reveal()).toBe('key-1')
  await source.start()
  expect(setUp({}).source.current).toMatchObject({ tls: false, apiKey: undefined })
  expect(setUp({ tls: true }).source.current).toMatchObject({ tls: { ca: undefined } })
})

test('an API key that could not be sent is refused without being told', () => {
  expect(() => setUp({ apiKey: { value: 'can\nary' } })).toThrow(/^an API key has no blanks and no characters beyond/)
})

test('a pair is read again when both of its files have changed', async () => {
  const { files, shown, source, log, changes } = await withPair()
  expect(shown()).toBe(first.cert)
  const before = source.current
  await source.refresh()
  expect(source.current).toBe(before)
  files.writePair(second)
  await source.refresh()
  expect(shown()).toBe(second.cert)
  expect(source.current?.expiresAt).toBe(new Date(second.certificate.notAfter).getTime())
  expect(changes()).toBe(2)
  expect(log.lines).toEqual([])
})

test('half of a new pair changes nothing, and is an error only when it stays', async () => {
  const { files, shown, source, log, changes } = await withPair()
  files.write('cert.pem', second.cert)
  await source.refresh()
  expect(shown()).toBe(first.cert)
  expect(source.problem).toBeUndefined()
  expect(log.lines).toEqual([])
  await source.refresh()
  await source.refresh()
  expect(shown()).toBe(first.cert)
  const reason = `does not belong to the certificate in ${files.path('cert.pem')}`
  expect(log.lines).toEqual([{ level: 'error', fields: { file: files.path('key.pem'), reason }, message: IN_USE }])
  expect(source.problem).toBe(`${files.path('key.pem')}: ${reason}`)
  files.write('key.pem', second.key)
  await source.refresh()
  expect(shown()).toBe(second.cert)
  expect(source.problem).toBeUndefined()
  expect(log.at('info')).toEqual(['the credentials for Temporal are in order again'])
  expect(changes()).toBe(3)
})

test.each([
  ['is gone', undefined, 'cannot be read (ENOENT)'],
  ['is empty', '', 'no certificate in PEM form'],
  ['is cut off', '-----BEGIN CERTIFICATE-----\nMIIB', 'a certificate in it is not whole'],
])('a certificate that %s leaves what was there', async (_, text, reason) => {
  const { files, shown, source, log } = await withPair()
  const file = text === undefined ? files.path('cert.pem') : files.write('cert.pem', text)
  if (text === undefined) files.remove('cert.pem')
  await source.refresh()
  await source.refresh()
  expect(shown()).toBe(first.cert)
  expect(log.lines).toEqual([{ level: 'error', fields: { file, reason }, message: IN_USE }])
  files.writePair(second)
  await source.refresh()
  expect(shown()).toBe(second.cert)
})

test('a certificate that is over does not take the place of one that is not', async () => {
  const { files, shown, source, log } = await withPair()
  const notAfter = new Date(Date.now() - 60_000)
  const over = await clientCertificate({ issuer, name: 'CN=over', notAfter })
  files.writePair(over)
  await source.refresh()
  await source.refresh()
  expect(shown()).toBe(first.cert)
  expect(log.lines).toMatchObject([
    { level: 'error', fields: { file: files.path('cert.pem'), reason: expect.stringMatching(/^expired on 20.*Z$/) } },
  ])
})

test('a certificate that is over is better than none: clocks may be wrong', async () => {
  const files = credentialFolder()
  const notAfter = new Date(Date.now() - 60_000)
  files.writePair(await clientCertificate({ issuer, notAfter }))
  const { certFile, keyFile } = files.tls
  const { source } = setUp({ tls: { certFile, keyFile } })
  await source.start()
  expect(source.current).toBeDefined()
  expect(source.problem).toContain('expired on')
})

test('files that are not there yet are told at once, and read as soon as they are', async () => {
  const files = credentialFolder()
  const { source, log } = setUp({ tls: true, apiKey: { file: files.path('key') } })
  await source.start()
  expect(source.current).toBeUndefined()
  expect(log.at('error')).toEqual(['a credential for Temporal cannot be used: there is no connection until it can'])
  files.write('key', ' key-1\n')
  await source.refresh()
  expect(source.current?.apiKey?.reveal()).toBe('key-1')
  expect(source.problem).toBeUndefined()
})

test('an API key in a file that is no key leaves the one before, and no line holds it', async () => {
  const files = credentialFolder()
  files.write('key', 'key-1')
  const { source, log } = setUp({ apiKey: { file: files.path('key') } })
  await source.start()
  for (const text of ['', 'canary one two', 'canary\u00e9']) {
    files.write('key', text)
    await source.refresh()
    await source.refresh()
    expect(source.current?.apiKey?.reveal()).toBe('key-1')
  }
  expect(log.at('error')).toHaveLength(2)
  expect(JSON.stringify(log.lines)).not.toContain('canary')
})
