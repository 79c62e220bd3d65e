import { type Socket, connect } from 'node:net'
import { sleep } from './harness.ts'
import { type DecodedFrame, frames } from './wire.ts'

/** HAProxy's end of a connection, played by the test. */
export interface Peer {
  readonly socket: Socket
  readonly received: () => Buffer
  /** Resolves with all frames so far once there are `count`; fails after four seconds. */
  frames(count: number): Promise<DecodedFrame[]>
  /** Resolves when the agent has closed. */
  readonly closed: Promise<void>
}

export async function peer(address: string): Promise<Peer> {
  const url = /^tcp:\/\/\[?(.+?)\]?:(\d+)$/.exec(address)
  const socket = url === null ? connect(address.slice('unix://'.length)) : connect(Number(url[2]), url[1])
  const chunks: Buffer[] = []
  const received = (): Buffer => Buffer.concat(chunks)
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return {
    socket,
    received,
    closed,
    frames: async (count) => {
      for (let i = 0; i < 800; i++) {
        try {
          const list = frames(received())
          if (list.length >= count) return list
        } catch {
          // The last frame is not complete yet.
        }
        await sleep(5)
      }
      throw new Error(`waited for ${count} frames, got ${received().subarray(0, 500).toString('hex')}`)
    },
  }
}

/** Waits until a condition holds; fails after four seconds. */
export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 800; i++) {
    if (condition()) return
    await sleep(5)
  }
  throw new Error('waited in vain')
}
