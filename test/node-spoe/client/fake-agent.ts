import { type AddressInfo, type Socket, createServer } from 'node:net'
import { type DecodedFrame, frame, frames, kv, text, typed, varint } from '../support/wire.ts'

/** The agent's end of one connection. */
export interface Peer {
  readonly socket: Socket
  send(...parts: readonly Uint8Array[]): void
}

/** An agent played by the test, as good or bad as its handler. */
export interface FakeAgent extends AsyncDisposable {
  readonly address: string
  /** All frames of all connections. */
  readonly received: DecodedFrame[]
  readonly connections: () => number
}

/**
 * Listens on a free port.
 * @param onFrame gets each frame; what it does not answer stays unanswered
 */
export async function fakeAgent(onFrame: (frame: DecodedFrame, peer: Peer) => void): Promise<FakeAgent> {
  const received: DecodedFrame[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    let rest = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE()) {
        const end = 4 + rest.readUInt32BE()
        const [one] = frames(rest.subarray(0, end))
        rest = rest.subarray(end)
        received.push(one!)
        onFrame(one!, { socket, send: (...parts) => void socket.write(Buffer.concat(parts)) })
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    connections: () => sockets.size,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

const HELLO = {
  version: typed.string('2.0'),
  'max-frame-size': typed.uint32(16380),
  capabilities: typed.string('pipelining'),
}

/** AGENT-HELLO; a key set to undefined is left out. */
export function agentHello(changes: Readonly<Record<string, Buffer | undefined>> = {}): Buffer {
  const entries = Object.entries({ ...HELLO, ...changes }).filter(
    (entry): entry is [string, Buffer] => entry[1] !== undefined,
  )
  return frame(101, kv(Object.fromEntries(entries)))
}

export function agentDisconnect(status: number, message = 'bye'): Buffer {
  return frame(102, kv({ 'status-code': typed.uint32(status), message: typed.string(message) }))
}

type Id = bigint | number

/** An ACK that sets `txn.<name>` for each entry. */
export function ack(
  streamId: Id,
  frameId: Id,
  variables: Readonly<Record<string, Buffer>> = {},
  flags = 1,
  tail: Buffer = Buffer.alloc(0),
): Buffer {
  const actions = Object.entries(variables).flatMap(([name, value]) => [Buffer.of(1, 3, 2), text(name), value])
  return frame(103, Buffer.concat([...actions, tail]), Buffer.concat([varint(streamId), varint(frameId)]), flags)
}

/** Greets, and answers NOTIFYs by `answer`; DISCONNECT with DISCONNECT and a close. */
export function answering(answer: (notify: DecodedFrame, peer: Peer) => unknown, hello: Buffer = agentHello()) {
  return (received: DecodedFrame, peer: Peer): void => {
    if (received.type === 1) peer.send(hello)
    else if (received.type === 3 || received.type === 0) answer(received, peer)
    else peer.socket.end(agentDisconnect(0))
  }
}

/** The error a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it did not fail')
}
