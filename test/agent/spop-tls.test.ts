import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SecureContextOptions } from 'node:tls'
import { connect, type ConnectionOptions } from 'node:tls'
import { pino } from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startAgent } from '../../agent/agent.ts'
import { parseConfig } from '../../agent/config/load.ts'
import { listenOptions } from '../../agent/spop-listen.ts'
import { watchTls } from '../../agent/spop-tls.ts'
import { tempFolder } from '../support/folder.ts'
import { selfSigned } from './dispatch/support/certificate.ts'
import { memoryLog, until } from './identity/support/provider.ts'

type Pair = Awaited<ReturnType<typeof selfSigned>>

/** The files of one listener, and what writes them. */
function files() {
  const folder = tempFolder()
  const [certFile, keyFile, clientCaFile] = ['cert.pem', 'key.pem', 'ca.pem'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  const put = (path: string, text: string): void => {
    // As whoever renews certificates does it.
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
  }
  return {
    folder,
    tls: { certFile, keyFile, clientCaFile },
    put: ({ cert, key, ca }: { cert?: string; key?: string; ca?: string }): void => {
      if (cert !== undefined) put(certFile, cert)
      if (key !== undefined) put(keyFile, key)
      if (ca !== undefined) put(clientCaFile, ca)
    },
  }
}

describe('the certificate of a SPOP listener', () => {
  const pem = (text: string): string => text.replaceAll(/-----[A-Z ]+-----|\s/g, '')

  /** The certificate that a new connection is shown. */
  async function shown(address: string, more: ConnectionOptions = {}): Promise<string> {
    const socket = connect({ port: Number(address.split(':')[2]), rejectUnauthorized: false, ...more })
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
    const { raw } = socket.getPeerCertificate()
    socket.destroy()
    return raw.toString('base64')
  }

  it('is the one that its files hold now', async () => {
    const [first, second] = [await selfSigned(), await selfSigned()]
    const { folder, tls, put } = files()
    put(first)
    const { certFile, keyFile } = tls
    const text = `version: 1
spop: { listen: { address: "tcp://127.0.0.1:0", tls: { certFile: "${certFile}", keyFile: "${keyFile}" } }, drain: 0s }
temporal: { address: "127.0.0.1:1" }
outbox: { path: "${join(folder, 'outbox.db')}", drain: 0s }
rules: []
`
    const lines: string[] = []
    const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
    const agent = await startAgent(parseConfig('agent.yaml', text, {}), log, { lookMs: 5 })
    onTestFinished(() => agent.stop())
    const [address = ''] = agent.spop
    expect(await shown(address)).toBe(pem(first.cert))

    put(second)
    await until(() => lines.join('').includes('certificates of the SPOP listener replaced'))
    expect(await shown(address)).toBe(pem(second.cert))
    put({ cert: 'broken' })
    await until(() => lines.join('').includes('file not read: the last good one stays'))
    expect(await shown(address)).toBe(pem(second.cert))
    expect(lines.join('')).not.toContain('PRIVATE KEY')
  })
})

describe('what a listener is told', () => {
  function watch(pair: Pair, ca: string | undefined, refuse = false) {
    const { tls, put } = files()
    put({ ...pair, ...(ca !== undefined && { ca }) })
    const { clientCaFile, ...own } = tls
    const listen = [
      { address: 'unix:///run/spop.sock' },
      { address: 'tcp://127.0.0.1:9000', tls: ca === undefined ? own : { ...own, clientCaFile } },
    ]
    const replaced: [string, SecureContextOptions][] = []
    const replaceTls = (address: string, context: SecureContextOptions): void => {
      replaced.push([address, context])
      if (refuse) throw new Error('unfit')
    }
    const log = memoryLog()
    const watched = watchTls(listen, listenOptions(listen), { agent: { replaceTls }, log, pollMs: 5 })
    onTestFinished(() => watched.close())
    const told = (text: string): number => log.lines.filter((line) => line.includes(text)).length
    return { put, tls, replaced, told, watched }
  }

  it('is nothing while the files stay as they were, also when they are written again', async () => {
    const [first, second] = [await selfSigned(), await selfSigned()]
    const { put, replaced } = watch(first, undefined)
    put(first)
    put({ key: second.key })
    put(first)
    put(second)
    await until(() => replaced.length > 0)
    expect(replaced).toEqual([['tcp://127.0.0.1:9000', { cert: second.cert, key: second.key, minVersion: 'TLSv1.2' }]])
  })

  it('waits for the key of a certificate, says so once, and keeps the former ones', async () => {
    const [first, second] = [await selfSigned(), await selfSigned()]
    const { put, replaced, told } = watch(first, undefined)
    put({ cert: second.cert })
    await until(() => told('do not match') > 0)
    put({ key: 'broken' })
    await until(() => told('not a private key in PEM') > 0)
    expect(replaced).toEqual([])
    put({ key: second.key })
    await until(() => replaced.length > 0)
    expect([told('do not match'), told('listener replaced')]).toEqual([1, 1])
  })

  it('holds the authorities of HAProxy, unless one of them cannot be read', async () => {
    const [pair, one, other] = [await selfSigned(), await selfSigned(), await selfSigned()]
    const { put, tls, replaced, told } = watch(pair, one.cert)
    put({ ca: `${one.cert}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n` })
    await until(() => told('holds a certificate that cannot be read') > 0)
    rmSync(tls.clientCaFile)
    await until(() => told('ENOENT') > 0)
    expect(replaced).toEqual([])
    const both = `${one.cert}\n${other.cert}`
    put({ ca: both })
    await until(() => replaced.length > 0)
    expect(replaced.map(([, { ca }]) => ca)).toEqual([both])
  })

  it('is tried once when it is not fit', async () => {
    const [first, second, third] = [await selfSigned(), await selfSigned(), await selfSigned()]
    const { put, replaced, told } = watch(first, undefined, true)
    put(second)
    await until(() => told('unfit') > 0)
    put(third)
    await until(() => told('unfit') > 1)
    expect(replaced.map(([, { cert }]) => cert)).toEqual([second.cert, third.cert])
  })
})
