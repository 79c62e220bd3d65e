import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Ack, ClientSession, type SessionOptions, SpopError, toMessages } from 'node-spoe/client'
import { decodeStream, encodeMessages } from 'node-spoe/protocol'
import { golden } from '../support/vectors.ts'
import { frame, frames, keyValues, typed, varint } from '../support/wire.ts'
import { ack, agentDisconnect, agentHello } from './fake-agent.ts'

const OPTIONS: SessionOptions = {
  maxFrameSize: 16380,
  capabilities: 'pipelining',
  supportedVersions: '2.0',
  engineId: 'f1b0c9a4-6a0e-4b0e-8d1c-2f3e4d5c6b7a',
  fragmentation: false,
  strict: true,
}
const PAYLOAD = encodeMessages(toMessages({ m: {} }))

function harness(options: Partial<SessionOptions> = {}) {
  const sent: Buffer[] = []
  const acks: [string, Ack][] = []
  const errors: string[] = []
  const ends: SpopError[] = []
  const session = new ClientSession<string>(
    { ...OPTIONS, ...options },
    {
      send: (bytes) => sent.push(bytes),
      hello: () => {},
      ack: (context, answer) => acks.push([context, answer]),
      end: (error) => ends.push(error),
      complaint: (error) => errors.push(error.code),
    },
  )
  session.greet()
  return { session, sent, acks, errors, ends }
}

function greeted(options: Partial<SessionOptions> = {}) {
  const h = harness(options)
  h.session.receive(agentHello({ capabilities: typed.string('pipelining,fragmentation') }))
  h.sent.length = 0
  return h
}

describe('HAPROXY-HELLO', () => {
  test('is byte for byte that of HAProxy', () => {
    expect(harness().sent).toEqual([golden('haproxy-hello pipelining')])
    expect(harness({ capabilities: '' }).sent).toEqual([golden('haproxy-hello without capabilities')])
    expect(harness({ maxFrameSize: 4096 }).sent).toEqual([golden('haproxy-hello max-frame-size 4096')])
    const check = harness({ engineId: undefined, capabilities: '' })
    expect(check.sent).toEqual([golden('haproxy-hello health check')])
  })
})

describe('AGENT-HELLO', () => {
  test.each([
    ['the usual one', golden('agent-hello pipelining'), 16380, ['pipelining']],
    ['one without capabilities', golden('agent-hello without capabilities key'), 16380, []],
    ['one with a smaller frame size', golden('agent-hello max-frame-size 4096'), 4096, ['pipelining']],
    [
      'another order, an unknown key, spaces',
      golden('agent-hello other order, unknown key, spaced capabilities'),
      16380,
      ['pipelining', 'foo'],
    ],
    ['one without a frame size', agentHello({ 'max-frame-size': undefined }), 16380, ['pipelining']],
  ])('%s is accepted', (_, bytes, maxFrameSize, capabilities) => {
    const { session, ends } = harness()
    session.receive(bytes)
    expect(ends).toEqual([])
    expect(session.hello).toEqual({ version: '2.0', maxFrameSize, capabilities })
  })

  test.each([
    ['without version', agentHello({ version: undefined }), 'ERR_SPOP_AGENT_NO_VERSION', 5],
    ['of version 1.0', agentHello({ version: typed.string('1.0') }), 'ERR_SPOP_AGENT_VERSION', 8],
    ['of two versions', agentHello({ version: typed.string('2.0, 2.1') }), 'ERR_SPOP_AGENT_VERSION', 8],
    [
      'with too big a frame size',
      agentHello({ 'max-frame-size': typed.uint32(65536) }),
      'ERR_SPOP_AGENT_FRAME_SIZE',
      9,
    ],
    ['with too small a one', agentHello({ 'max-frame-size': typed.uint32(255) }), 'ERR_SPOP_AGENT_FRAME_SIZE', 9],
    ['with one that is no number', agentHello({ 'max-frame-size': typed.string('x') }), 'ERR_SPOP_AGENT_FRAME_SIZE', 9],
    ['cut short', Buffer.concat([Buffer.of(0, 0, 0, 18), agentHello().subarray(4, 22)]), 'ERR_SPOP_TRUNCATED', 4],
    ['without FIN', frame(101, agentHello().subarray(11), Buffer.of(0, 0), 0), 'ERR_SPOP_FRAGMENT', 10],
    ['with ids', frame(101, agentHello().subarray(11), Buffer.of(1, 1)), 'ERR_SPOP_IDS', 4],
    ['that is an ACK', ack(1, 1), 'ERR_SPOP_UNEXPECTED_FRAME', 4],
    ['that is HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n'), 'ERR_SPOP_FRAME_TOO_BIG', 3],
    ['of length 0', Buffer.alloc(4), 'ERR_SPOP_FRAME_TOO_SHORT', 4],
  ])('one %s is refused with its status', (_, bytes, code, status) => {
    const { session, sent, ends } = harness()
    session.receive(bytes)
    expect(ends).toEqual([expect.objectContaining({ code, status })])
    const last = frames(Buffer.concat(sent)).at(-1)!
    expect(last.type).toBe(2)
    expect(keyValues(last.payload)['status-code']).toBe(BigInt(status))
  })

  test('to a health check must have capabilities', () => {
    const { session, sent, ends } = harness({ engineId: undefined })
    session.receive(agentHello({ capabilities: undefined }))
    expect(ends).toEqual([expect.objectContaining({ code: 'ERR_SPOP_AGENT_NO_CAPABILITIES', status: 7 })])
    expect(sent.length).toBe(1)
  })

  test('AGENT-DISCONNECT in its place ends the session with the status it carries', () => {
    const { session, ends } = harness()
    session.receive(agentDisconnect(300, 'private'))
    expect(ends).toEqual([expect.objectContaining({ code: 'ERR_SPOP_AGENT_DISCONNECT', status: 300 })])
  })
})

describe('NOTIFY', () => {
  test('has the ids of HAProxy 3.1+ unless told otherwise', () => {
    const { session, sent } = greeted()
    session.notify(PAYLOAD, 'a')
    session.notify(PAYLOAD, 'b', { streamId: 3 })
    session.notify(PAYLOAD, 'c')
    session.notify(PAYLOAD, 'd', { streamId: 2n ** 64n - 1n, frameId: 0 })
    expect(frames(Buffer.concat(sent)).map(({ streamId, frameId }) => [streamId, frameId])).toEqual([
      [1n, 1n],
      [3n, 1n],
      [5n, 1n],
      [2n ** 64n - 1n, 0n],
    ])
  })

  test('with ids in flight already is refused', () => {
    const { session } = greeted()
    session.notify(PAYLOAD, 'a', { streamId: 9 })
    expect(() => session.notify(PAYLOAD, 'b', { streamId: 9 })).toThrow(
      expect.objectContaining({ code: 'ERR_SPOP_OPTION' }),
    )
  })

  test('above the agreed size less 32 is refused like HAProxy does', () => {
    const { session, sent } = greeted()
    session.notify(Buffer.alloc(16380 - 32), 'fits')
    expect(() => session.notify(Buffer.alloc(16380 - 31), 'too big')).toThrow(
      expect.objectContaining({ code: 'ERR_SPOP_FRAME_TOO_BIG', status: 3 }),
    )
    expect(sent.length).toBe(1)
  })

  test('above it is cut like HAProxy 3.0 does where both sides want that', () => {
    const { session, sent } = harness({ fragmentation: true, maxFrameSize: 256 })
    const sizes = { 'max-frame-size': typed.uint32(256), capabilities: typed.string('fragmentation') }
    session.receive(agentHello(sizes))
    const whole = decodeStream(Buffer.concat([golden('notify fragment, first'), golden('notify fragment, last')]))
    const payload = Buffer.concat(
      whole.map((piece) => ('payload' in piece ? (piece.payload ?? Buffer.alloc(0)) : Buffer.alloc(0))),
    )
    session.notify(payload, 'x', { streamId: 0, frameId: 1 })
    expect(sent.at(-1)).toEqual(Buffer.concat([golden('notify fragment, first'), golden('notify fragment, last')]))
  })

  test('any payload is whole again when its fragments are put together', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 2_000 }), (payload) => {
        const { session, sent } = harness({ fragmentation: true, maxFrameSize: 256 })
        session.receive(
          agentHello({ 'max-frame-size': typed.uint32(256), capabilities: typed.string('fragmentation') }),
        )
        sent.length = 0
        session.notify(Buffer.from(payload), 'x')
        const pieces = frames(Buffer.concat(sent))
        expect(Buffer.concat(pieces.map((piece) => piece.payload))).toEqual(Buffer.from(payload))
        expect(pieces.map((piece) => [piece.type, piece.flags])).toEqual(
          pieces.map((_, i) => [i === 0 ? 3 : 0, i === pieces.length - 1 ? 1 : 0]),
        )
      }),
    )
  })
})

describe('ACK', () => {
  test('is matched by its ids, in any order and however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray([1, 3, 5, 7], { minLength: 4 }),
        fc.integer({ min: 1, max: 50 }),
        (order, cut) => {
          const { session, acks } = greeted()
          for (const streamId of [1, 3, 5, 7]) session.notify(PAYLOAD, `#${streamId}`)
          const bytes = Buffer.concat(order.map((streamId) => ack(streamId, 1, { n: typed.int64(streamId) })))
          for (let at = 0; at < bytes.length; at += cut) session.receive(bytes.subarray(at, at + cut))
          expect(acks.map(([context, answer]) => [context, answer.variables])).toEqual(
            order.map((streamId) => [`#${streamId}`, { 'txn.n': streamId }]),
          )
        },
      ),
    )
  })

  test('leaves behind the variables that HAProxy would have', () => {
    const { session, acks } = greeted()
    session.notify(PAYLOAD, 'a', { streamId: 1, frameId: 1 })
    session.receive(golden('ack NULL unsets the variable'))
    expect(acks[0]![1].variables).toEqual({})
    session.notify(PAYLOAD, 'b', { streamId: 1, frameId: 1 })
    session.receive(golden('ack set three, unset one'))
    expect(acks[1]![1].variables).toEqual({ 'txn.user': 'alice', 'txn.allow': true, 'txn.score': -42 })
    expect(acks[1]![1].actions.at(-1)).toEqual({ action: 'unset-var', scope: 'txn', name: 'err' })
  })

  test('with ABORT is an answer', () => {
    const { session, acks } = greeted()
    session.notify(PAYLOAD, 'a')
    session.receive(golden('ack empty with ABORT'))
    expect(acks[0]![1]).toMatchObject({ aborted: true, actions: [], error: undefined })
  })

  test('with a malformed action keeps the actions before it, which HAProxy applies', () => {
    const { session, acks, errors } = greeted()
    session.notify(PAYLOAD, 'a')
    session.receive(ack(1, 1, { a: typed.bool(true) }, 1, Buffer.of(7)))
    expect(acks[0]![1]).toMatchObject({ variables: { 'txn.a': true }, error: { code: 'ERR_SPOP_ACTION' } })
    expect(errors).toEqual(['ERR_SPOP_ACTION'])
    expect(session.counters.malformedAcks).toBe(1)
  })

  test('a second time is a duplicate, after the timeout a late one: counted, the connection goes on', () => {
    const { session, acks, errors, ends } = greeted()
    session.notify(PAYLOAD, 'a')
    session.forget(session.notify(PAYLOAD, 'b'))
    session.receive(Buffer.concat([ack(1, 1), ack(1, 1), ack(3, 1)]))
    expect(acks.map(([context]) => context)).toEqual(['a'])
    expect(session.counters).toMatchObject({ duplicateAcks: 1, lateAcks: 1, unknownAcks: 0 })
    expect(errors).toEqual(['ERR_SPOP_ACK_UNEXPECTED', 'ERR_SPOP_ACK_UNEXPECTED'])
    expect(ends).toEqual([])
  })

  test.each([
    ['a stream-id never used', ack(101, 1)],
    ['another frame-id', ack(1, 6)],
  ])('with %s ends the connection as HAProxy 3.1+ does, unless lenient', (_, bytes) => {
    const strict = greeted()
    strict.session.notify(PAYLOAD, 'a')
    strict.session.receive(bytes)
    expect(strict.ends).toEqual([expect.objectContaining({ code: 'ERR_SPOP_ACK_UNEXPECTED', status: 12 })])
    const lenient = greeted({ strict: false })
    lenient.session.notify(PAYLOAD, 'a')
    lenient.session.receive(Buffer.concat([bytes, ack(1, 1)]))
    expect(lenient.acks.length).toBe(1)
    expect(lenient.session.counters.unknownAcks).toBe(1)
  })

  test('of a settled NOTIFY long ago is still no unknown one', () => {
    const { session, ends } = greeted()
    for (let i = 0; i < 2_000; i++) {
      const { streamId } = session.notify(PAYLOAD, 'x')
      session.receive(ack(BigInt(streamId), 1))
    }
    session.receive(ack(1, 1))
    expect(session.counters).toMatchObject({ lateAcks: 1 })
    expect(ends).toEqual([])
  })

  test.each([
    ['without FIN', ack(1, 1, {}, 0), 10],
    ['above the agreed size', ack(1, 1, { a: typed.string('x'.repeat(17_000)) }), 3],
  ])('%s ends the connection', (_, bytes, status) => {
    const { session, ends } = greeted()
    session.notify(PAYLOAD, 'a')
    session.receive(bytes)
    expect(ends).toEqual([expect.objectContaining({ status })])
  })
})

describe('whatever an agent sends', () => {
  test('the session ends at most once, with an error of the table', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      fc
        .tuple(fc.constantFrom(0, 1, 2, 3, 50, 101, 102, 103), fc.uint8Array({ maxLength: 40 }), fc.nat({ max: 3 }))
        .map(([type, payload, flags]) => frame(type, payload, Buffer.concat([varint(1), varint(1)]), flags)),
      fc.constantFrom(agentHello(), ack(1, 1), agentDisconnect(0), ack(2n ** 64n - 1n, 0)),
    )
    fc.assert(
      fc.property(fc.boolean(), fc.array(piece), (open, pieces) => {
        const { session, ends } = open ? greeted() : harness()
        if (open) session.notify(PAYLOAD, 'a')
        for (const bytes of pieces) session.receive(bytes)
        expect(ends.length).toBeLessThanOrEqual(1)
        expect(ends.every((error) => error instanceof SpopError && error.code !== 'ERR_SPOP_INTERNAL')).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })

  test('a frame of an unknown type is skipped, one out of place is not', () => {
    const { session, acks, ends } = greeted()
    session.notify(PAYLOAD, 'a')
    session.receive(Buffer.concat([frame(77, Buffer.of(1)), ack(1, 1)]))
    expect(acks.length).toBe(1)
    session.receive(agentHello())
    expect(ends).toEqual([expect.objectContaining({ code: 'ERR_SPOP_UNEXPECTED_FRAME' })])
    session.receive(ack(1, 1))
    expect(ends.length).toBe(1)
    expect(() => session.notify(PAYLOAD, 'b')).toThrow(expect.objectContaining({ code: 'ERR_SPOP_CLIENT_CLOSED' }))
  })
})
