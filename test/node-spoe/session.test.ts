import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { message } from '../../node-spoe/src/index.ts'
import { harness } from './support/harness.ts'
import { golden, vectors } from './support/vectors.ts'
import { frame, hello, keyValues, kv, messageBytes, notify, typed, varint } from './support/wire.ts'

describe('HELLO', () => {
  test('is answered with one whole AGENT-HELLO in a write of its own', () => {
    const h = harness({}, false)
    h.receive(Buffer.concat([hello(), notify([])]))
    expect(h.writes).toHaveLength(2)
    expect(h.writes[0]).toEqual(golden('agent-hello pipelining'))
    expect(h.writes[1]).toEqual(golden('ack empty'))
  })

  test('every golden one is answered with the offered frame size', () => {
    for (const { hex, decoded } of vectors.frames.filter((one) => one.decoded.type === 'HAPROXY-HELLO')) {
      const h = harness({}, false)
      h.receive(Buffer.from(hex, 'hex'))
      const answer = h.sent()[0]!
      expect(answer.type).toBe(101)
      const offered = decoded.kv!.find((entry) => entry.name === 'max-frame-size')!.value
      expect(keyValues(answer.payload)['max-frame-size']).toBe(BigInt(offered as number))
    }
  })

  test('an offered size above the own limit is agreed down to it', () => {
    const h = harness({ maxFrameSize: 1024 }, false)
    h.receive(hello({ 'max-frame-size': typed.uint32(2 ** 31) }))
    expect(keyValues(h.sent()[0]!.payload)['max-frame-size']).toBe(1024n)
  })

  test('split at any byte gives the same answer in one write', () => {
    const whole = hello()
    for (let cut = 1; cut < whole.length; cut++) {
      const h = harness({}, false)
      h.receive(whole.subarray(0, cut), whole.subarray(cut))
      expect(h.writes).toEqual([golden('agent-hello pipelining')])
    }
  })

  test('a health check is answered and counted, and opens no stream', () => {
    const h = harness({}, false)
    h.receive(golden('haproxy-hello health check'), notify([]))
    expect(h.sent().map((sent) => sent.type)).toEqual([101])
    expect(h.counters.healthChecks).toBe(1)
    expect(h.counters.notifies).toBe(0)
    h.session.helloTimeout()
    expect(h.closed).toBe(0)
  })

  test('while draining a health check gets AGENT-DISCONNECT at once, a request connection still AGENT-HELLO', () => {
    const check = harness({}, false)
    check.context.draining = true
    check.receive(golden('haproxy-hello health check'))
    expect(check.disconnectStatus()).toBe(0)
    expect(check.closed).toBe(0)
    const other = harness({}, false)
    other.context.draining = true
    other.receive(hello())
    expect(other.sent()[0]!.type).toBe(101)
  })

  test.each([
    ['without versions', hello({ 'supported-versions': undefined }), 5],
    ['of version 1.0', hello({ 'supported-versions': typed.string('1.0') }), 8],
    ['with a frame size of 255', hello({ 'max-frame-size': typed.uint32(255) }), 9],
    ['without FIN', frame(1, kv({}), Buffer.of(0, 0), 0), 10],
    ['with a stream-id', frame(1, kv({}), Buffer.of(1, 0)), 4],
    ['of garbage', frame(1, Buffer.from('ffffffff', 'hex')), 4],
    ['that is a NOTIFY', notify([]), 4],
    ['that is an HTTP request', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 3],
    ['of length 0', Buffer.alloc(4), 4],
    ['above the limit before HELLO', Buffer.from('00003ffd', 'hex'), 3],
  ])('one %s is refused with its status, after the connection was held', (_, bytes, status) => {
    const h = harness({ maxFrameSize: 2 ** 20 }, false)
    h.receive(bytes, notify([]))
    expect(h.disconnectStatus()).toBe(status)
    expect(h.closed).toBe(1000)
    expect(h.counters.protocolErrors).toBe(1)
    expect(h.errors).toHaveLength(1)
    expect(h.sent()).toHaveLength(1)
  })

  test('one that does not come ends the connection with status 2', () => {
    const h = harness({}, false)
    h.session.helloTimeout()
    expect(h.disconnectStatus()).toBe(2)
    expect(h.closed).toBe(0)
  })
})

describe('an open connection', () => {
  test('every golden NOTIFY is answered with its own ids, byte for byte', () => {
    for (const { name, hex, decoded } of vectors.frames) {
      if (decoded.type !== 'NOTIFY' || decoded.messages === undefined) continue
      const h = harness()
      h.receive(Buffer.from(hex, 'hex'))
      const ids = Buffer.concat([varint(BigInt(decoded.streamId)), varint(BigInt(decoded.frameId))])
      expect(Buffer.concat(h.writes), name).toEqual(frame(103, Buffer.alloc(0), ids))
    }
  })

  test('all ACKs of one read leave in one write, in order', () => {
    const h = harness()
    h.receive(Buffer.concat([1, 3, 5, 2n ** 64n - 1n].map((id) => notify([], id))))
    expect(h.writes).toHaveLength(1)
    expect(h.sent().map((sent) => sent.streamId)).toEqual([1n, 3n, 5n, 2n ** 64n - 1n])
  })

  test('any split of a pipelined stream gives the same ACKs', () => {
    const check = message({
      args: { n: 'int' },
      handle: (view, reply) => reply.setVar('txn', 'n', view.get('n') ?? -1),
    })
    const stream = Buffer.concat(
      [...Array(12).keys()].map((n) => notify([messageBytes('check', { n: typed.int64(n * 1000) })], n)),
    )
    const whole = harness({ messages: { check } })
    whole.receive(stream)
    expect(whole.acks()).toHaveLength(12)
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 20 }), (cuts) => {
        const points = [0, ...cuts.toSorted((a, b) => a - b), stream.length]
        const h = harness({ messages: { check } })
        h.receive(...points.slice(1).map((end, i) => stream.subarray(points[i]!, end)))
        expect(Buffer.concat(h.writes)).toEqual(Buffer.concat(whole.writes))
      }),
    )
  })

  test.each([
    ['a NOTIFY without FIN', golden('notify fragment, first'), 10],
    ['a fragment of nothing', golden('notify fragment, last'), 12],
    ['an aborted fragment of nothing', golden('notify fragment, aborted'), 12],
    ['a second HELLO', hello(), 4],
    ['an ACK', golden('ack empty'), 4],
    ['an AGENT-HELLO', golden('agent-hello pipelining'), 4],
    ['a frame of length 6', Buffer.from('000000060300000001ff', 'hex'), 4],
    ['a frame above the agreed size', Buffer.from('00003ffd', 'hex'), 3],
    ['an id of eleven bytes', frame(3, Buffer.alloc(0), Buffer.from('f08080808080808080800000', 'hex')), 4],
    ['an id above 2^64-1', frame(3, Buffer.alloc(0), Buffer.from('fff0fefefefefefefe0f00', 'hex')), 4],
    ['a message cut short', notify([messageBytes('m', { a: typed.int64(1) }).subarray(0, -1)]), 4],
    ['bytes behind the last message', notify([messageBytes('m'), Buffer.of(5)]), 4],
  ])('%s is answered with AGENT-DISCONNECT of its status, after the ACKs before it', (_, bytes, status) => {
    const h = harness()
    h.receive(Buffer.concat([notify([], 7), bytes]), notify([], 9))
    expect(h.sent().map((sent) => sent.type)).toEqual([103, 102])
    expect(h.disconnectStatus()).toBe(status)
    expect(h.writes).toHaveLength(1)
    expect(h.closed).toBe(0)
    expect(h.counters.protocolErrors).toBe(1)
  })

  test('no handler sees any message of a frame that is malformed further on', () => {
    let calls = 0
    const check = message({ args: {}, handle: () => void calls++ })
    const h = harness({ messages: { check } })
    h.receive(notify([messageBytes('check'), messageBytes('check'), Buffer.of(1)]))
    expect(calls).toBe(0)
    expect(h.disconnectStatus()).toBe(4)
  })

  test('the agreed frame size counts from HELLO on, below and above the limit before it', () => {
    const small = harness({}, false)
    small.receive(hello({ 'max-frame-size': typed.uint32(4096) }), Buffer.from('00001001', 'hex'))
    expect(small.disconnectStatus()).toBe(3)
    const big = harness({ maxFrameSize: 65_536 }, false)
    const bytes = notify([messageBytes('m', { a: typed.binary(Buffer.alloc(30_000)) })])
    big.receive(hello({ 'max-frame-size': typed.uint32(65_000) }), bytes)
    expect(big.sent().map((sent) => sent.type)).toEqual([101, 103])
  })

  test('an unknown frame type is skipped', () => {
    const h = harness()
    h.receive(frame(42, Buffer.from('anything')), notify([]))
    expect(h.sent().map((sent) => sent.type)).toEqual([103])
  })

  test('an aborted NOTIFY reaches no handler but gets its ACK', () => {
    let calls = 0
    const check = message({ args: {}, handle: () => void calls++ })
    const h = harness({ messages: { check } })
    h.receive(frame(3, messageBytes('check'), Buffer.of(1, 1), 3))
    expect(calls).toBe(0)
    expect(h.acks()).toEqual([[]])
  })

  test('HAPROXY-DISCONNECT is answered with AGENT-DISCONNECT 0 and a close', () => {
    const h = harness()
    h.receive(Buffer.concat([notify([]), golden('haproxy-disconnect 2 timeout'), notify([])]))
    expect(h.sent().map((sent) => sent.type)).toEqual([103, 102])
    expect(h.disconnectStatus()).toBe(0)
    expect(h.closed).toBe(0)
    expect(h.errors).toEqual([])
    expect(h.counters.protocolErrors).toBe(0)
  })

  test('what HAProxy complains about reaches onError', () => {
    const h = harness()
    h.receive(golden('haproxy-disconnect 3 frame too big'))
    expect(h.errors).toEqual([expect.objectContaining({ code: 'ERR_SPOP_PEER_DISCONNECT' })])
  })

  test('draining an idle connection disconnects it with status 0', () => {
    const h = harness()
    h.session.drain()
    expect(h.disconnectStatus()).toBe(0)
    expect(h.closed).toBe(0)
  })

  test('draining waits for what is in flight and disconnects in the write of the last ACK', async () => {
    const releases: (() => void)[] = []
    const slow = message({ args: {}, handle: () => new Promise<void>((resolve) => releases.push(resolve)) })
    const h = harness({ messages: { slow }, deadlineMs: 5000 })
    h.receive(notify([messageBytes('slow')], 1), notify([messageBytes('slow')], 3))
    h.session.drain()
    expect(h.closed).toBeUndefined()
    releases[0]!()
    await new Promise(setImmediate)
    h.receive(notify([], 5))
    expect(h.closed).toBeUndefined()
    h.writes.length = 0
    releases[1]!()
    await new Promise(setImmediate)
    expect(h.writes).toHaveLength(1)
    expect(h.sent().map((sent) => sent.type)).toEqual([103, 102])
    expect(h.closed).toBe(0)
  })
})

describe('a hostile peer', () => {
  const check = message({
    args: { a: 'any' },
    handle: (view, reply) => reply.setVar('txn', 'a', String(view.get('a'))),
  })

  test('random bytes end in a table error or in waiting for more, never in anything else', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), fc.boolean(), (chunks, greeted) => {
        const h = harness({ messages: { check } }, greeted)
        h.receive(...chunks.map((chunk) => Buffer.from(chunk)))
        for (const error of h.errors) expect(error).toMatchObject({ name: 'SpopError', status: expect.any(Number) })
        expect(h.counters.notifies - h.counters.acks).toBeLessThanOrEqual(h.counters.protocolErrors)
      }),
    )
  })

  test('any change to a real frame is answered or refused', () => {
    const pool = vectors.frames.filter((one) => one.direction === 'haproxy').map((one) => Buffer.from(one.hex, 'hex'))
    fc.assert(
      fc.property(
        fc.constantFrom(...pool),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (original, changes) => {
          const bytes = Buffer.from(original)
          for (const [at, value] of changes) bytes[at % bytes.length] = value
          const h = harness({ messages: { check, m1: check } })
          h.receive(bytes, Buffer.alloc(64))
          for (const error of h.errors) expect(error).toMatchObject({ name: 'SpopError' })
        },
      ),
      { numRuns: 2000 },
    )
  })
})
