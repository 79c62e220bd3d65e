import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { BodyReader } from '../../../../agent/crypto/codec-server/body.ts'

const MIB = Buffer.alloc(1024 * 1024, 0x20)

function request(headers: IncomingMessage['headers'] = {}) {
  const stream = new PassThrough({ highWaterMark: 64 * MIB.length })
  return { stream, message: Object.assign(stream, { headers }) as unknown as IncomingMessage }
}

/** Writes until the other side has read it. */
async function write({ stream }: ReturnType<typeof request>, mib: number): Promise<void> {
  for (let i = 0; i < mib; i++) stream.write(MIB)
  while (stream.readableLength > 0) await new Promise((resolve) => setImmediate(resolve))
}

it('gives back what was sent, up to 8 MiB', async () => {
  const bodies = new BodyReader()
  const sent = request()
  const reading = bodies.read(sent.message)
  await write(sent, 8)
  sent.stream.end()
  expect(await reading).toHaveLength(8 * MIB.length)
})

it('refuses more than 8 MiB, announced or not', async () => {
  const bodies = new BodyReader()
  expect(await bodies.read(request({ 'content-length': String(8 * MIB.length + 1) }).message)).toBe('large')
  const sent = request()
  const reading = bodies.read(sent.message)
  await write(sent, 9)
  expect(await reading).toBe('large')
})

it('has room for 32 MiB of all calls together, and has it again when they are over', async () => {
  const bodies = new BodyReader()
  const four = Array.from({ length: 4 }, () => request())
  const readings = four.map(({ message }) => bodies.read(message))
  for (const sent of four) await write(sent, 8)
  const fifth = request()
  const refused = bodies.read(fifth.message)
  await write(fifth, 1)
  expect(await refused).toBe('busy')
  for (const { stream } of four) stream.end()
  expect((await Promise.all(readings)).map((body) => body.length)).toEqual(Array(4).fill(8 * MIB.length))
  const sixth = request()
  const reading = bodies.read(sixth.message)
  sixth.stream.end('x')
  expect(await reading).toEqual(Buffer.from('x'))
})

it('forgets a call that broke off', async () => {
  const bodies = new BodyReader()
  for (let i = 0; i < 5; i++) {
    const sent = request()
    const reading = bodies.read(sent.message)
    await write(sent, 8)
    sent.stream.destroy(new Error('gone'))
    expect(await reading).toBe('gone')
  }
})
