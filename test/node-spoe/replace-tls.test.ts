import { connect as connectTls, type TLSSocket } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SpopError } from '../../node-spoe/src/index.ts'
import { selfSigned } from '../agent/dispatch/support/certificate.ts'
import { agentWith, echo } from './support/agents.ts'
import { until } from './support/peer.ts'
import { frames, hello } from './support/wire.ts'

type Pair = Awaited<ReturnType<typeof selfSigned>>

/** A peer that trusts these certificates; resolves once the handshake is done. */
async function tlsPeer(address: string, trusts: readonly Pair[], more: object = {}): Promise<TLSSocket> {
  const port = Number(address.split(':')[2])
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: trusts.map((p) => p.cert),
    ...more,
  })
  onTestFinished(() => void socket.destroy())
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  return socket
}

const pem = (text: string): string => text.replaceAll(/-----[A-Z ]+-----|\s/g, '')
const shown = (socket: TLSSocket): string => socket.getPeerCertificate().raw.toString('base64')

describe('replaceTls', () => {
  test('shows the next connection another certificate, and leaves open what is open', async () => {
    const [first, second] = [await selfSigned(), await selfSigned()]
    const agent = agentWith()
    const asked = 'tcp://127.0.0.1:0'
    const [address] = await agent.listen({ address: asked, tls: first })
    const before = await tlsPeer(address!, [first])
    const sessions: Buffer[] = []
    before.on('session', (session: Buffer) => sessions.push(session))
    const chunks: Buffer[] = []
    before.on('data', (chunk: Buffer) => chunks.push(chunk))
    before.write(hello())
    await until(() => sessions.length > 0)
    const session = { session: sessions.at(-1), rejectUnauthorized: false }
    expect((await tlsPeer(address!, [], session)).isSessionReused()).toBe(true)

    agent.replaceTls(asked, second)
    const after = await tlsPeer(address!, [second])
    expect([shown(before), shown(after)]).toEqual([pem(first.cert), pem(second.cert)])
    before.write(echo(1))
    await until(() => frames(Buffer.concat(chunks)).length === 2)
    // A session of the former certificate would let its holder in without seeing the new one.
    const resumed = await tlsPeer(address!, [], session)
    expect([resumed.isSessionReused(), shown(resumed)]).toEqual([false, pem(second.cert)])
  })

  test('goes on demanding a certificate, of other authorities', async () => {
    const [ours, one, other] = [await selfSigned(), await selfSigned(), await selfSigned()]
    const agent = agentWith()
    const asked = 'tcp://127.0.0.1:0'
    const demands = { requestCert: true, rejectUnauthorized: true }
    const [address] = await agent.listen({ address: asked, tls: { ...ours, ca: one.cert, ...demands } })
    agent.replaceTls(asked, { ...ours, ca: other.cert })
    for (const peer of [{}, one]) {
      const socket = await tlsPeer(address!, [ours], peer)
      await new Promise((resolve) => socket.on('error', () => {}).once('close', resolve))
    }
    const welcome = await tlsPeer(address!, [ours], other)
    const answered = new Promise((resolve) => welcome.once('data', resolve))
    welcome.write(hello())
    await answered
    expect(agent.counters.handshakeErrors).toBe(2)
  })

  test('keeps what there was when key and certificate are no pair', async () => {
    const [first, second] = [await selfSigned(), await selfSigned()]
    const agent = agentWith()
    const asked = 'tcp://127.0.0.1:0'
    const bound = await agent.listen([
      { address: asked, tls: first },
      { address: asked, tls: first },
    ])
    expect(() => agent.replaceTls(asked, { cert: second.cert, key: first.key })).toThrow(/mismatch/)
    for (const address of bound) expect(shown(await tlsPeer(address, [first]))).toBe(pem(first.cert))
    agent.replaceTls(asked, second)
    for (const address of bound) expect(shown(await tlsPeer(address, [second]))).toBe(pem(second.cert))
  })

  test('is for addresses with TLS only', async () => {
    const agent = agentWith()
    await agent.listen('tcp://127.0.0.1:0')
    const pair = await selfSigned()
    for (const address of ['tcp://127.0.0.1:0', 'tcp://127.0.0.1:9']) {
      expect(() => agent.replaceTls(address, pair)).toThrow(SpopError)
      expect(() => agent.replaceTls(address, pair)).toThrow(`option tls does not go with the address ${address}`)
    }
  })
})
