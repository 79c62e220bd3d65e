import { type AddressInfo, type Socket, createServer } from 'node:net'
import { type DecodedFrame, frame, frames, keyValues, kv, text, typed, varint } from '../node-spoe/support/wire.ts'

/** Bytes for one write, milliseconds to wait, or a way to close. */
export type Step = Buffer | number | 'FIN' | 'RST'

export interface Behaviour {
  /** What it says to a HAPROXY-HELLO; default: what a good agent says. */
  readonly hello?: readonly Step[]
  /** What it does about the n-th NOTIFY, counted from 0 over all its connections. */
  notify(notify: DecodedFrame, n: number): readonly Step[]
}

/** An agent that does exactly what it is told, be it right or wrong. */
export interface FakeAgent {
  readonly address: string
  readonly connections: number
  /** Status codes of the HAPROXY-DISCONNECTs it got. */
  readonly disconnects: readonly number[]
  stop(): Promise<void>
}

const AGENT_HELLO = {
  version: typed.string('2.0'),
  'max-frame-size': typed.uint32(16380),
  capabilities: typed.string('pipelining'),
}

/** AGENT-HELLO; a key set to undefined is left out. */
export function agentHello(changes: Readonly<Record<string, Buffer | undefined>> = {}): Buffer {
  const entries = Object.entries({ ...AGENT_HELLO, ...changes }).filter(
    (entry): entry is [string, Buffer] => entry[1] !== undefined,
  )
  return frame(101, kv(Object.fromEntries(entries)))
}

export function agentDisconnect(status: number): Buffer {
  return frame(102, kv({ 'status-code': typed.uint32(status), message: typed.string('of a test') }))
}

/** ACK; ids and flags are right unless told otherwise. */
export function ack(
  notify: DecodedFrame,
  actions: readonly Buffer[] = [],
  { stream = 0n, frameId = 0n, flags = 1 } = {},
): Buffer {
  const ids = Buffer.concat([varint(notify.streamId + stream), varint(notify.frameId + frameId)])
  return frame(103, Buffer.concat(actions), ids, flags)
}

/** The action that sets `txn.PREFIX.name`. */
export function set(name: string, value: string | Buffer): Buffer {
  return Buffer.concat([Buffer.of(1, 3, 2), text(name), typeof value === 'string' ? typed.string(value) : value])
}

export async function startFakeAgent(behaviour: Behaviour): Promise<FakeAgent> {
  const sockets = new Set<Socket>()
  const disconnects: number[] = []
  let connections = 0
  let notifies = 0

  /** Answers a frame; false once the connection is being closed. */
  async function answer(socket: Socket, received: DecodedFrame): Promise<void> {
    if (received.type === 1) await perform(socket, behaviour.hello ?? [agentHello()])
    else if (received.type === 3) await perform(socket, behaviour.notify(received, notifies++))
    else if (received.type === 2) {
      disconnects.push(Number(keyValues(received.payload)['status-code']))
      socket.end(agentDisconnect(0))
    }
  }

  const server = createServer({ noDelay: true }, (socket) => {
    connections++
    sockets.add(socket)
    let kept: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      const { whole, rest } = cut(Buffer.concat([kept, chunk]))
      kept = rest
      for (const received of frames(whole)) void answer(socket, received)
    })
    // HAProxy up to 3.0 resets connections in its storms, later ones when they purge their pool.
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 511, resolve))
  return {
    address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections
    },
    disconnects,
    stop() {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

async function perform(socket: Socket, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (step === 'FIN') socket.end()
    else if (step === 'RST') socket.resetAndDestroy()
    else if (typeof step === 'number') await new Promise((resolve) => setTimeout(resolve, step))
    else if (socket.writable) socket.write(step)
  }
}

/** Whole frames, and what is left of an unfinished one. */
function cut(bytes: Buffer): { whole: Buffer; rest: Buffer } {
  let at = 0
  while (bytes.length - at >= 4 && bytes.length - at >= 4 + bytes.readUInt32BE(at)) at += 4 + bytes.readUInt32BE(at)
  return { whole: bytes.subarray(0, at), rest: bytes.subarray(at) }
}
