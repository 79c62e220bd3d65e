import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { type AgentOptions, type MessageHandler, type Reply, message } from '../../node-spoe/src/index.ts'
import { type FrameInput, decodeFrame, encodeFrame } from '../../node-spoe/src/protocol/index.ts'
import { type Harness, harness } from './support/harness.ts'
import { frame, hello, messageBytes, notify, typed, varint } from './support/wire.ts'

// Hundreds of runs a test, on a machine that may be busy with others.
vi.setConfig({ testTimeout: 60_000 })

const MAX_U64 = 2n ** 64n - 1n
const turn = (): Promise<void> => new Promise(setImmediate)

/** Values as they stand on the wire. */
const value = fc.oneof(
  fc.constant(typed.null()),
  fc.boolean().map(typed.bool),
  fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(typed.int64),
  fc.bigInt(0n, MAX_U64).map(typed.uint64),
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => typed.ipv4(...bytes)),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map(typed.ipv6),
  fc.uint8Array({ maxLength: 300 }).map(typed.string),
  fc.uint8Array({ maxLength: 300 }).map(typed.binary),
)
const wellFormed = fc
  .record({
    messages: fc.array(
      fc.record({ name: fc.constantFrom('m', 'other', ''), args: fc.dictionary(fc.constantFrom('a', 'b', ''), value) }),
      { maxLength: 3 },
    ),
    ids: fc.tuple(fc.bigInt(0n, MAX_U64), fc.bigInt(0n, MAX_U64)),
  })
  .map(({ messages, ids }) => ({
    ids,
    bytes: notify(
      messages.map(({ name, args }) => messageBytes(name, args)),
      ...ids,
    ),
  }))

/** What a handler may do, from good to hostile. */
const deed = fc.record({
  how: fc.constantFrom('sync', 'throw', 'async', 'reject', 'late', 'thenable that throws'),
  sets: fc.array(
    fc.record({
      scope: fc.constantFrom('txn', 'sess', 'nowhere', '__proto__'),
      name: fc.oneof(fc.constantFrom('a', 'a.b', '', 'x'.repeat(64), '\x1b', 'é'), fc.string()),
      value: fc.oneof(
        fc.string(),
        fc.string({ unit: 'binary', maxLength: 400 }),
        fc.constantFrom('x'.repeat(100), 'x'.repeat(20_000), '€'.repeat(90)),
        fc.double(),
        fc.bigInt(),
        fc.boolean(),
        fc.uint8Array({ maxLength: 500 }),
        fc.constantFrom<unknown>(null, undefined, {}, { ip: '::1' }, { ip: 'no' }, Symbol.iterator, () => 1),
      ),
    }),
    { maxLength: 12 },
  ),
})
type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never

function perform({ how, sets }: Deed): MessageHandler<never> {
  const write = (reply: Reply): void => {
    for (const set of sets) reply.setVar(set.scope as 'txn', set.name, set.value as string)
  }
  return message({
    args: {},
    handle: (_view, reply) => {
      if (how !== 'late') write(reply)
      if (how === 'throw') throw new Error('thrown')
      if (how === 'reject') return Promise.reject(new Error('rejected'))
      if (how === 'async') return Promise.resolve()
      if (how === 'late') void Promise.resolve().then(() => write(reply))
      if (how === 'thenable that throws') {
        return {
          // oxlint-disable-next-line unicorn/no-thenable -- hostile on purpose
          then: () => {
            throw new Error('then')
          },
        } as unknown as Promise<void>
      }
      return undefined
    },
  }) as MessageHandler<never>
}

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const points = [0, ...cuts.map((at) => at % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  return points.slice(1).map((end, i) => bytes.subarray(points[i]!, end))
}

describe('whatever handlers do', () => {
  test('every well-formed NOTIFY gets exactly one ACK, with its ids and no larger than agreed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(wellFormed, { minLength: 1, maxLength: 6 }),
        deed,
        deed,
        fc.constantFrom(256, 300, 1000, 16_380),
        fc.array(fc.nat(), { maxLength: 6 }),
        async (notifies, does, fallsBack, size, cuts) => {
          const h = agent(
            { m: perform(does) },
            { fallback: (reply) => perform(fallsBack).handle({} as never, reply) as void },
          )
          h.receive(hello({ 'max-frame-size': typed.uint32(size) }))
          const fitting = notifies.filter(({ bytes }) => bytes.length - 4 <= size)
          h.writes.length = 0
          h.receive(...cut(Buffer.concat(fitting.map(({ bytes }) => bytes)), cuts))
          await turn()
          const sent = h.sent()
          const key = (ids: readonly bigint[]): string => ids.join('/')
          expect(sent.map(({ type }) => type)).toEqual(fitting.map(() => 103))
          expect(sent.map(({ streamId, frameId }) => key([streamId, frameId])).toSorted()).toEqual(
            fitting.map(({ ids }) => key(ids)).toSorted(),
          )
          for (const bytes of framesOf(h)) {
            expect(bytes.length - 4).toBeLessThanOrEqual(size)
            expect(decodeFrame(bytes, 4).type).toBe('ACK')
          }
          expect([h.counters.inFlight, h.session.pending, h.closed]).toEqual([0, 0, undefined])
        },
      ),
      { numRuns: 300 },
    )
  })

  test('no handler is called for a NOTIFY that is malformed anywhere, and no ACK is sent for it', async () => {
    await fc.assert(
      fc.asyncProperty(wellFormed, fc.nat(), async ({ bytes }, nat) => {
        let calls = 0
        const h = agent({ m: message({ args: {}, handle: () => void calls++ }) as MessageHandler<never> })
        h.receive(hello())
        h.writes.length = 0
        // One byte less than a whole LIST-OF-MESSAGES, or one that begins another message.
        const torn = nat % 2 === 0 ? bytes.subarray(0, -1) : Buffer.concat([bytes, Buffer.of(1)])
        const header = 9 + varint(decodeFrame(bytes, 4).streamId).length + varint(decodeFrame(bytes, 4).frameId).length
        fc.pre(torn.length > header)
        const damaged = Buffer.from(torn)
        damaged.writeUInt32BE(damaged.length - 4)
        h.receive(damaged)
        await turn()
        expect([calls, h.acks(), h.disconnectStatus()]).toEqual([0, [], 4])
      }),
      { numRuns: 500 },
    )
  })
})

describe('whatever bytes come', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 400 }).map((list) => Buffer.from(list)),
    fc
      .tuple(wellFormed, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
      .map(([{ bytes: good }, changes]) => {
        const bad = Buffer.from(good)
        for (const [at, byte] of changes) bad[at % bad.length] = byte
        return bad
      }),
    fc.constantFrom(hello(), frame(1, Buffer.alloc(0)), frame(2, Buffer.alloc(0)), frame(42, Buffer.alloc(3))),
  )

  test('the answers are the same wherever the reads cut them', () => {
    fc.assert(
      fc.property(
        fc.array(bytes, { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        fc.boolean(),
        fc.constantFrom(0, 500),
        (parts, cuts, greeted, maxReassembledSize) => {
          const stream = Buffer.concat(greeted ? [hello(), ...parts] : parts)
          const play = (chunks: readonly Buffer[]): unknown => {
            const h = agent({ m: perform({ how: 'sync', sets: [] }) }, { maxReassembledSize })
            h.receive(...chunks)
            const codes = h.errors.map((error) => (error as { code?: string }).code)
            return [Buffer.concat(h.writes).toString('hex'), h.closed, codes, h.counters.messages]
          }
          const whole = play([stream])
          expect(play(cut(stream, cuts))).toEqual(whole)
          expect(play(Array.from(stream, (byte) => Buffer.of(byte)))).toEqual(whole)
        },
      ),
      { numRuns: 400 },
    )
  })

  test('nothing but a table error is reported, and at most one frame of the agreed size is held', () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 6 }), fc.boolean(), (parts, greeted) => {
        const h = agent({ m: perform({ how: 'sync', sets: [] }) })
        if (greeted) h.receive(hello())
        const before = process.memoryUsage().arrayBuffers
        h.receive(...parts)
        expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 65_536)
        for (const error of h.errors) expect(error).toMatchObject({ name: 'SpopError' })
        for (const error of h.errors) expect(error).not.toMatchObject({ code: 'ERR_SPOP_INTERNAL' })
      }),
      { numRuns: 500 },
    )
  })
})

test('what the codec encodes it decodes, and what it decodes it encodes to the same bytes', () => {
  const latin1 = fc.uint8Array({ maxLength: 300 }).map((list) => Buffer.from(list).toString('latin1'))
  const wide = fc.bigInt(0n, MAX_U64).map((id) => (id <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(id) : id))
  const long = fc
    .bigInt(-(2n ** 63n), 2n ** 63n - 1n)
    .map((n) => (BigInt(Number(n)) === n && Number.isSafeInteger(Number(n)) ? Number(n) : n))
  const anyValue = fc.oneof(
    fc.constant({ type: 'NULL', value: null } as const),
    fc.record({ type: fc.constant('BOOL' as const), value: fc.boolean() }),
    fc.record({ type: fc.constantFrom('INT32' as const, 'INT64' as const), value: long }),
    fc.record({ type: fc.constantFrom('UINT32' as const, 'UINT64' as const), value: wide }),
    fc.record({ type: fc.constant('IPV4' as const), value: fc.ipV4() }),
    fc.record({ type: fc.constant('STRING' as const), value: latin1 }),
    fc.record({
      type: fc.constant('BINARY' as const),
      value: fc.uint8Array({ maxLength: 300 }).map((list) => Buffer.from(list)),
    }),
  )
  const named = fc.tuple(latin1, anyValue).map(([name, typedValue]) => ({ name, ...typedValue }))
  const scope = fc.constantFrom('proc' as const, 'sess' as const, 'txn' as const, 'req' as const, 'res' as const)
  const action = fc.oneof(
    fc.tuple(scope, named).map(([where, one]) => ({ action: 'set-var' as const, scope: where, ...one })),
    fc.record({ action: fc.constant('unset-var' as const), scope, name: latin1 }),
  )
  const body = fc.oneof(
    fc.record({ type: fc.constantFrom('HAPROXY-HELLO' as const, 'AGENT-DISCONNECT' as const), kv: fc.array(named) }),
    fc.record({
      type: fc.constant('NOTIFY' as const),
      messages: fc.array(fc.record({ name: latin1, args: fc.array(named) })),
    }),
    fc.record({ type: fc.constant('ACK' as const), actions: fc.array(action) }),
    fc.record({
      type: fc.constant('UNKNOWN' as const),
      typeCode: fc.constantFrom(4, 100, 255),
      payload: fc.uint8Array().map((list) => Buffer.from(list)),
    }),
  )
  fc.assert(
    fc.property(body, wide, wide, fc.boolean(), (what, streamId, frameId, abort) => {
      const flags = { fin: true, abort, raw: abort ? 3 : 1 }
      const input: FrameInput = { ...what, streamId, frameId, flags }
      const encoded = encodeFrame(input)
      const decoded = decodeFrame(encoded, 4)
      expect(decoded).toEqual(input)
      expect(encodeFrame(decoded)).toEqual(encoded)
    }),
    { numRuns: 500 },
  )
})

/** An agent that has not been greeted, with these handlers. */
function agent(messages: Record<string, MessageHandler<never>>, options: Partial<AgentOptions> = {}): Harness {
  // Which ACKs have to wait is the gate's business, and tested there.
  return harness({ messages, deadlineMs: 60_000, bufsize: 2 ** 30, ...options }, false)
}

function framesOf(h: Harness): Buffer[] {
  const bytes = Buffer.concat(h.writes)
  const list: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt32BE(at)) {
    list.push(bytes.subarray(at, at + 4 + bytes.readUInt32BE(at)))
  }
  return list
}
