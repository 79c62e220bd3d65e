import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAgent, message } from 'node-spoe'
import { type LoadResult, load } from 'node-spoe/client'
import { LatencyHistogram } from '../../../node-spoe/src/client/latency.ts'
import { loadFrame, readAckId, writeNotifyId } from '../../../node-spoe/src/client/load-frame.ts'
import { decodeFrame } from 'node-spoe/protocol'
import { golden } from '../support/vectors.ts'
import { frame, frames, messageBytes, typed } from '../support/wire.ts'
import { ack, agentDisconnect, answering, failure, fakeAgent } from './fake-agent.ts'

const notify = { check: { path: '/a' } }

function conserved(result: LoadResult): void {
  expect(result.answered + result.timeouts + result.lost + result.unanswered).toBe(result.sent)
}

describe('the stream-ids of a load', () => {
  test('are of five bytes, and come back from the ACK', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.nat({ max: 20 }), (n, before) => {
        const notifies = Buffer.concat([Buffer.alloc(before), loadFrame(notify)])
        writeNotifyId(notifies, before, n)
        const [one] = frames(notifies.subarray(before))
        expect(one).toMatchObject({ type: 3, flags: 1, streamId: BigInt(n) + 33818864n, frameId: 1n })
        expect(one!.payload).toEqual(messageBytes('check', { path: typed.string('/a') }))
        const answer = ack(one!.streamId, 1, { a: typed.bool(true) })
        expect(readAckId(answer, 4, answer.length)).toBe(n)
      }),
    )
  })

  test('are not seen in any other frame', () => {
    const sid = 33818864n
    for (const other of [
      ack(1, 1),
      ack(sid, 2),
      ack(sid, 1, {}, 0),
      ack(sid - 1n, 1),
      ack(sid + 2n ** 32n, 1),
      ack(2n ** 64n - 1n, 1),
      frame(3, Buffer.alloc(20)),
      frame(103, Buffer.alloc(0)),
    ]) {
      expect(readAckId(other, 4, other.length)).toBe(-1)
    }
  })

  test('replace those of a NOTIFY given as bytes', () => {
    const made = decodeFrame(loadFrame(golden('notify ten arguments')), 4)
    expect(made).toEqual({ ...decodeFrame(golden('notify ten arguments'), 4), streamId: 33818864 })
    for (const bytes of [golden('ack empty'), golden('notify fragment, first'), Buffer.alloc(3)]) {
      expect(() => loadFrame(bytes)).toThrow(expect.objectContaining({ code: 'ERR_SPOP_OPTION' }))
    }
  })
})

describe('against an agent of this library', () => {
  test.each([
    { connections: 1, window: 1 },
    { connections: 3, window: 7 },
    { connections: 2, window: 64 },
  ])('every NOTIFY is answered once: %o', async (size) => {
    const agent = createAgent({
      messages: { check: message({ args: {}, handle: (_, reply) => reply.setVar('txn', 'ok', true) }) },
    })
    const [address] = await agent.listen('tcp://127.0.0.1:0')
    const result = await load(address!, { notify, count: 5_000, timeoutMs: 60_000, ...size })
    expect(result).toMatchObject({
      sent: 5_000,
      answered: 5_000,
      timeouts: 0,
      lost: 0,
      unanswered: 0,
      unexpectedAcks: 0,
      connectionsLost: 0,
      errors: [],
      firstAck: { variables: { 'txn.ok': true } },
    })
    expect(agent.counters.notifies).toBe(5_000)
    expect(result.latencyMs.p50).toBeGreaterThan(0)
    expect(result.latencyMs.max).toBeGreaterThanOrEqual(result.latencyMs.p99)
    await agent.close()
  })

  test('a rate sends what is due in the time, no more', async () => {
    const agent = createAgent({ messages: {}, deadlineMs: 60_000 })
    const [address] = await agent.listen('tcp://127.0.0.1:0')
    const result = await load(address!, { notify, rate: 1_000, durationMs: 200, connections: 2, timeoutMs: 60_000 })
    expect(result.sent + result.unsent).toBe(200)
    expect(result.answered).toBe(result.sent)
    await agent.close()
  })

  test('answers of a handler that awaits come in any order and are matched all the same', async () => {
    let calls = 0
    const agent = createAgent({
      messages: {
        check: message({
          args: {},
          handle: (_, reply) =>
            new Promise<void>((resolve) => {
              const done = (): void => {
                reply.setVar('txn', 'ok', true)
                resolve()
              }
              if (calls++ % 3 === 0) setImmediate(done)
              else queueMicrotask(done)
            }),
        }),
      },
      deadlineMs: 60_000,
    })
    const [address] = await agent.listen('tcp://127.0.0.1:0')
    expect(await load(address!, { notify, count: 2_000, timeoutMs: 60_000 })).toMatchObject({
      answered: 2_000,
      unexpectedAcks: 0,
    })
    await agent.close()
  })
})

describe('against an agent that', () => {
  test('leaves some unanswered, they are timeouts; late and repeated ACKs are told apart', async () => {
    const enough = new AbortController()
    let first: bigint | undefined
    let late = false
    let asked = 0
    await using agent = await fakeAgent(
      answering((got, peer) => {
        first ??= got.streamId
        // Of the window of four the first is answered too late, the second never.
        if (got.streamId === first || got.streamId === first - 1n) return
        // The place of the first is used again, so it has timed out.
        if (got.streamId === first + 4n) {
          late = true
          peer.send(ack(first, 1))
        }
        peer.send(ack(got.streamId, 1))
        if (late && ++asked === 10) peer.send(ack(got.streamId, 1))
        if (asked > 50) enough.abort()
      }),
    )
    const options = { durationMs: 60_000, timeoutMs: 50, window: 4, signal: enough.signal }
    const result = await load(agent.address, { notify, ...options })
    expect(result).toMatchObject({ unexpectedAcks: 1, connectionsLost: 0 })
    expect(result.lateAcks).toBeGreaterThanOrEqual(1)
    expect(result.timeouts).toBeGreaterThanOrEqual(2)
    expect(result.answered).toBeGreaterThan(0)
    expect(result.errors).toEqual([expect.objectContaining({ code: 'ERR_SPOP_ACK_UNEXPECTED' })])
    conserved(result)
  })

  test('sends its ACKs in pieces, they are whole all the same', async () => {
    let rest = Buffer.alloc(0)
    await using agent = await fakeAgent(
      answering((got, peer) => {
        if (rest.length === 0) setImmediate(send)
        rest = Buffer.concat([rest, ack(got.streamId, 1, { a: typed.string('x'.repeat(300)) })])
        // 7 bytes at a time: inside LEN, inside an id, at a frame's end.
        function send(): void {
          peer.send(rest.subarray(0, 7))
          rest = rest.subarray(7)
          if (rest.length > 0) setImmediate(send)
        }
      }),
    )
    const result = await load(agent.address, { notify, count: 40, timeoutMs: 60_000 })
    expect(result).toMatchObject({ answered: 40, unexpectedAcks: 0, errors: [] })
  })

  test('answers with other ids or without FIN, none counts as an answer', async () => {
    await using agent = await fakeAgent(
      answering((got, peer) => peer.send(ack(1, 1), ack(got.streamId, 2), ack(got.streamId, 1, {}, 0))),
    )
    const result = await load(agent.address, { notify, count: 3, timeoutMs: 500 })
    expect(result).toMatchObject({ sent: 3, answered: 0, timeouts: 3, unexpectedAcks: 9 })
    conserved(result)
  })

  test.each([
    ['disconnects', agentDisconnect(13), { code: 'ERR_SPOP_AGENT_DISCONNECT', status: 13 }],
    ['closes', Buffer.alloc(0), { code: 'ERR_SPOP_CONNECTION_LOST' }],
    ['sends nonsense', Buffer.from('00000000', 'hex'), { code: 'ERR_SPOP_FRAME_TOO_SHORT' }],
    ['sends a huge frame', Buffer.from('7fffffff', 'hex'), { code: 'ERR_SPOP_FRAME_TOO_BIG' }],
    ['sends what HAProxy says', golden('haproxy-disconnect 0 normal'), { code: 'ERR_SPOP_UNEXPECTED_FRAME' }],
  ])('%s, the load ends and says why', async (_, bytes, error) => {
    let asked = 0
    await using agent = await fakeAgent(
      answering((got, peer) => {
        if (++asked <= 10) peer.send(ack(got.streamId, 1))
        else if (asked === 11) peer.socket.end(bytes)
      }),
    )
    const result = await load(agent.address, { notify, durationMs: 60_000, timeoutMs: 60_000, window: 4 })
    expect(result).toMatchObject({ connectionsLost: 1, errors: [error] })
    expect(result.lost).toBeGreaterThan(0)
    conserved(result)
  })

  test('never answers can be left by a signal', async () => {
    const enough = new AbortController()
    let asked = 0
    await using agent = await fakeAgent(answering(() => ++asked === 20 && enough.abort()))
    const result = await load(agent.address, { notify, timeoutMs: 60_000, signal: enough.signal })
    expect(result).toMatchObject({ sent: 20, answered: 0, unanswered: 20, latencyMs: { p50: 0 } })
    expect(await load(agent.address, { notify, signal: enough.signal })).toMatchObject({ sent: 0, durationMs: 0 })
  })

  test('never answers, with a rate the windows fill and the rest is unsent', async () => {
    await using agent = await fakeAgent(answering(() => {}))
    const result = await load(agent.address, { notify, rate: 1_000, durationMs: 100, timeoutMs: 300 })
    expect(result).toMatchObject({ sent: 20, timeouts: 20, unsent: 80 })
  })

  test('refuses the HELLO fails the load, and no connection stays', async () => {
    let greetings = 0
    await using agent = await fakeAgent((got, peer) => {
      if (got.type === 1 && ++greetings === 3) peer.socket.end(agentDisconnect(13))
      else answering(() => {})(got, peer)
    })
    expect(await failure(load(agent.address, { notify, connections: 5 }))).toMatchObject({ status: 13 })
    for (let i = 0; i < 200 && agent.connections() > 0; i++) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(agent.connections()).toBe(0)
    await using silent = await fakeAgent(() => {})
    expect(await failure(load(silent.address, { notify, connectTimeoutMs: 20 }))).toMatchObject({
      code: 'ERR_SPOP_AGENT_HELLO_TIMEOUT',
    })
  })

  test('agrees to less than the NOTIFY needs fails the load', async () => {
    await using agent = await fakeAgent((_, peer) => peer.send(golden('agent-hello max-frame-size 4096')))
    expect(await failure(load(agent.address, { notify: { m: { a: 'x'.repeat(5_000) } } }))).toMatchObject({
      code: 'ERR_SPOP_FRAME_TOO_BIG',
    })
  })
})

test('options are checked', async () => {
  for (const options of [{ window: 0 }, { count: 0 }, { rate: -1 }, { durationMs: Number.NaN }, { typo: 1 }]) {
    expect(await failure(load('tcp://127.0.0.1:1', { notify, ...options }))).toMatchObject({ code: 'ERR_SPOP_OPTION' })
  }
})

test('a percentile is at most 1 % above the true one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 }),
      fc.constantFrom(0.5, 0.9, 0.99, 1),
      (values, q) => {
        const histogram = new LatencyHistogram()
        for (const value of values) histogram.record(value)
        const exact = values.toSorted((a, b) => a - b)[Math.ceil(q * values.length) - 1]!
        expect(histogram.quantile(q)).toBeGreaterThanOrEqual(exact * (1 - 1e-9))
        expect(histogram.quantile(q)).toBeLessThanOrEqual(exact * 1.01 + 0.001)
        expect(histogram.summary().max).toBe(Math.max(...values))
      },
    ),
  )
})
