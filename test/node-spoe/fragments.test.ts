import { describe, expect, test } from 'vitest'
import { message } from '../../node-spoe/src/index.ts'
import { fallback } from './support/handlers.ts'
import { type Harness, harness, sleep } from './support/harness.ts'
import { frame, hello, keyValues, messageBytes, notify, typed, varint } from './support/wire.ts'

const seen: string[] = []
const big = message({
  args: { body: 'string' },
  handle(view, reply) {
    seen.push(view.get('body') ?? '')
    reply.setVar('txn', 'length', view.get('body')?.length ?? -1)
  },
})
const body = 'x'.repeat(40_000)
const payload = messageBytes('big', { body: typed.string(body) })
const ids = Buffer.concat([varint(300), varint(2)])

/** A payload in pieces of `size` bytes, as HAProxy up to 3.0 sends it. */
function fragments(size: number, bytes = payload, last = 1): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) {
    const end = Math.min(at + size, bytes.length)
    pieces.push(frame(at === 0 ? 3 : 0, bytes.subarray(at, end), ids, end === bytes.length ? last : 0))
  }
  return pieces
}

const agent = (options = {}): Harness =>
  harness({ messages: { big }, fallback, maxReassembledSize: 65_536, deadlineMs: 60_000, ...options })

describe('a NOTIFY in fragments', () => {
  test('is asked for in AGENT-HELLO only where a limit is set', () => {
    const capabilities = (limit: number): unknown => {
      const h = harness({ maxReassembledSize: limit }, false)
      h.receive(hello())
      return keyValues(h.sent()[0]!.payload)['capabilities']
    }
    expect(capabilities(0)).toBe('pipelining')
    expect(capabilities(65_536)).toBe('pipelining,fragmentation')
  })

  test.each([16_000, 7, 1])('is put together whatever the size of its pieces: %i', (size) => {
    const h = agent()
    seen.length = 0
    for (const piece of fragments(size)) h.receive(piece)
    expect(seen.join() === body).toBe(true)
    expect(h.acks()).toEqual([[['set txn.length', 40_000n]]])
    expect(h.sent()[0]).toMatchObject({ streamId: 300n, frameId: 2n })
  })

  test('above the limit is answered once, by the fallback, and nothing of it is kept', () => {
    const h = agent({ maxReassembledSize: 30_000 })
    for (const piece of fragments(10_000)) h.receive(piece)
    h.receive(notify([messageBytes('big', { body: typed.string('small') })]))
    expect(h.acks()).toEqual([[['set txn.cause', 'overload']], [['set txn.length', 5n]]])
  })

  test('that took longer than the deadline to come is answered by the fallback', async () => {
    const h = agent({ deadlineMs: 5 })
    const [first, ...rest] = fragments(10_000)
    h.receive(first!)
    await sleep(20)
    h.receive(...rest)
    expect(h.acks()).toEqual([[['set txn.cause', 'deadline']]])
  })

  test('whose stream went away is forgotten without an answer', () => {
    const h = agent()
    const [first] = fragments(10_000)
    h.receive(first!, frame(0, Buffer.alloc(0), ids, 3), notify([messageBytes('big')], 9))
    expect(h.sent().map(({ streamId }) => streamId)).toEqual([9n])
  })

  test.each([
    ['a NOTIFY between them', notify([messageBytes('big')]), 11],
    ['a piece with other ids', frame(0, Buffer.of(1), Buffer.of(1, 1), 1), 12],
    ['a HELLO between them', hello(), 4],
  ])('is given up with AGENT-DISCONNECT after %s', (_, intruder, status) => {
    const h = agent()
    h.receive(fragments(10_000)[0]!, intruder)
    expect(h.disconnectStatus()).toBe(status)
  })

  test('that is malformed as a whole calls no handler', () => {
    const h = agent()
    seen.length = 0
    for (const piece of fragments(10_000, Buffer.concat([payload, Buffer.of(9)]))) h.receive(piece)
    expect(seen).toEqual([])
    expect(h.disconnectStatus()).toBe(4)
  })
})
