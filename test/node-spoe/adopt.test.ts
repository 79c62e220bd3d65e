import { type Socket, connect, createServer } from 'node:net'
import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { adopt } from '../../node-spoe/src/adopt.ts'
import { until } from './support/peer.ts'

interface Adopted {
  readonly accepted: Socket
  readonly socket: Socket
  readonly client: Socket
  readonly chunks: Buffer[]
  readonly buffers: Set<Buffer>
  readonly closed: Promise<unknown>
}

/** One accepted connection, adopted after `spoil` has had its way with it. */
async function adopted(spoil: (accepted: Socket) => void = () => {}): Promise<Adopted> {
  const server = createServer({ pauseOnConnect: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as { port: number }).port)
  onTestFinished(() => void client.destroy())
  const [accepted] = (await once(server, 'connection')) as [Socket]
  spoil(accepted)
  const chunks: Buffer[] = []
  const buffers = new Set<Buffer>()
  const socket = adopt(accepted, (buffer, length) => {
    buffers.add(buffer)
    chunks.push(Buffer.from(buffer.subarray(0, length)))
  })
  server.close()
  return { accepted, socket, client, chunks, buffers, closed: once(server, 'close') }
}

const withoutUserBuffer = (accepted: Socket): void => {
  const { _handle } = accepted as unknown as { _handle: object }
  Object.defineProperty(_handle, 'useUserBuffer', { value: undefined })
}

describe.each([
  ['into one buffer', () => {}, true],
  ['as any other where Node has changed inside', withoutUserBuffer, false],
])('an accepted socket is read %s', (_, spoil, shares) => {
  test('in order, answers reach the peer, and the server closes when the connection has', async () => {
    const { accepted, socket, client, chunks, buffers, closed } = await adopted(spoil)
    expect(socket !== accepted).toBe(shares)
    const sent = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251))
    client.write(sent)
    await until(() => chunks.reduce((sum, { length }) => sum + length, 0) === sent.length)
    expect(Buffer.concat(chunks).equals(sent)).toBe(true)
    expect(buffers.size === 1).toBe(shares)

    socket.write('answer')
    expect(String((await once(client, 'data'))[0])).toBe('answer')
    expect(socket.remoteAddress).toBe('127.0.0.1')
    client.end()
    await closed
  })

  test('not while it is paused', async () => {
    const { socket, client, chunks } = await adopted(spoil)
    socket.pause()
    client.write('later')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(chunks).toEqual([])
    socket.resume()
    await until(() => chunks.length === 1)
  })
})
