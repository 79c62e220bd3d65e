import { describe, expect, test, vi } from 'vitest'
import { type MessageView, type Reply, message } from '../../node-spoe/src/index.ts'
import { fallback, one, plain, turn } from './support/handlers.ts'
import { harness, sleep } from './support/harness.ts'
import { messageBytes, notify, typed } from './support/wire.ts'

describe('limits', () => {
  const bulk = (size: number) => (_: unknown, reply: Reply) => {
    reply.setVar('txn', 'v', 'x'.repeat(size))
  }

  test('an ACK above the agreed size becomes the fallback, and an empty ACK if that is too big as well', () => {
    const h = harness({ messages: { m: plain(bulk(20_000)) }, fallback })
    h.receive(notify([messageBytes('m')]))
    expect(h.acks()).toEqual([[['set txn.cause', 'error']]])
    expect(h.counters.oversizeAcks).toBe(1)
    expect(h.errors).toEqual([expect.objectContaining({ code: 'ERR_SPOP_ACK_TOO_BIG' })])
    const worse = harness({ messages: { m: plain(bulk(20_000)) }, fallback: (reply) => bulk(20_000)(undefined, reply) })
    worse.receive(notify([messageBytes('m')]))
    expect(worse.acks()).toEqual([[]])
  })

  test('the same for an asynchronous handler', async () => {
    const h = await one(async (_, reply) => bulk(20_000)(_, reply))
    expect(h.acks()).toEqual([[['set txn.cause', 'error']]])
  })

  test('beyond maxInFlight the fallback answers and no handler starts', async () => {
    let started = 0
    const m = plain(() => {
      started++
      return new Promise(() => {})
    })
    const h = harness({ messages: { m }, maxInFlight: 2, fallback, deadlineMs: 16 })
    h.receive(...[1, 3, 5, 7].map((id) => notify([messageBytes('m')], id)))
    expect(started).toBe(2)
    expect(h.counters).toMatchObject({ inFlight: 2, overloadAnswers: 2 })
    expect(h.acks()).toEqual([[['set txn.cause', 'overload']], [['set txn.cause', 'overload']]])
    await sleep(40)
    expect(h.counters).toMatchObject({ inFlight: 0, deadlineAnswers: 2, acks: 4 })
    h.receive(notify([messageBytes('m')], 9))
    expect(started).toBe(3)
  })

  test('the deadline is met by the sweep before it, and the sweep stops when nothing is open', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
    try {
      const h = harness({ messages: { m: plain(() => new Promise(() => {})) }, deadlineMs: 40 })
      h.receive(notify([messageBytes('m')], 1))
      expect(vi.getTimerCount()).toBe(1)
      vi.advanceTimersByTime(3)
      h.receive(notify([messageBytes('m')], 3))
      vi.advanceTimersByTime(31)
      expect(h.counters.deadlineAnswers).toBe(0)
      vi.advanceTimersByTime(2) // the sweep at 35 ms: the next one, at 40, might come late
      expect(h.counters.deadlineAnswers).toBe(1)
      vi.advanceTimersByTime(4)
      expect(h.counters.deadlineAnswers).toBe(2)
      vi.advanceTimersByTime(5)
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  test('ACKs of one turn share a write', async () => {
    const h = harness({
      messages: {
        m: plain(async () => {
          await Promise.resolve()
        }),
      },
    })
    h.receive(Buffer.concat([1, 3, 5].map((id) => notify([messageBytes('m')], id))))
    await turn()
    expect(h.writes).toHaveLength(1)
    expect(h.acks()).toHaveLength(3)
  })

  test('the ACK of a connection that has gone is dropped quietly', async () => {
    let ended = 0
    const m = plain(async () => {
      await sleep(3)
      ended++
    })
    const h = harness({ messages: { m }, fallback, deadlineMs: 200 })
    h.receive(notify([messageBytes('m')]))
    h.session.lost()
    await sleep(20)
    expect(ended).toBe(1)
    expect(h.sent()).toEqual([])
    expect(h.counters).toMatchObject({ acksDropped: 1, acks: 0, inFlight: 0 })
    expect(h.errors).toEqual([])
  })
})

describe('what handlers hold', () => {
  test('a view expires when handle() returns or awaits', async () => {
    const codes: unknown[] = []
    let kept: MessageView<{ a: 'int' }> | undefined
    const attempt = (view: MessageView<{ a: 'int' }>): void => {
      try {
        codes.push(view.get('a'))
      } catch (error) {
        codes.push((error as { code?: string }).code)
      }
    }
    const stale = message({
      args: { a: 'int' },
      handle: (view) => {
        kept = view
      },
    })
    const late = message({
      args: { a: 'int' },
      handle: async (view) => {
        attempt(view)
        await sleep(1)
        attempt(view)
      },
    })
    const h = harness({ messages: { stale, late } })
    const args = { a: typed.int64(5) }
    h.receive(notify([messageBytes('stale', args)]), notify([messageBytes('late', args)]))
    attempt(kept!)
    // Later messages of the same name must not show in the view of an earlier handler.
    h.receive(notify([messageBytes('late', { a: typed.int64(6) })], 3))
    await sleep(10)
    expect(codes).toEqual([5, 'ERR_SPOP_VIEW_EXPIRED', 6, 'ERR_SPOP_VIEW_EXPIRED', 'ERR_SPOP_VIEW_EXPIRED'])
  })

  test('replies of concurrent handlers do not mix', async () => {
    const m = message({
      args: { n: 'int' },
      handle: async (view, reply) => {
        const n = Number(view.get('n'))
        reply.setVar('txn', 'before', n)
        await sleep(n % 3)
        reply.setVar('txn', 'after', n)
      },
    })
    const now = message({
      args: { n: 'int' },
      handle: (view, reply) => reply.setVar('txn', 'sync', view.get('n') ?? 0),
    })
    const h = harness({ messages: { m, now }, deadlineMs: 1000 })
    for (let n = 0; n < 60; n++) h.receive(notify([messageBytes(n % 4 === 0 ? 'now' : 'm', { n: typed.int64(n) })], n))
    while (h.counters.inFlight > 0) await sleep(1)
    await turn()
    const sent = h.sent()
    expect(sent).toHaveLength(60)
    const acks = h.acks()
    for (const [i, { streamId }] of sent.entries()) {
      const expected =
        streamId % 4n === 0n
          ? [['set txn.sync', streamId]]
          : [
              ['set txn.before', streamId],
              ['set txn.after', streamId],
            ]
      expect(acks[i]).toEqual(expected)
    }
  })

  test('a reply kept by an asynchronous handler never writes into a later ACK', async () => {
    let kept: Reply | undefined
    const m = message({
      args: {},
      handle: async (_, reply) => {
        kept ??= reply
      },
    })
    const now = message({ args: {}, handle: () => kept?.setVar('txn', 'leak', true) })
    const h = harness({ messages: { m, now } })
    h.receive(notify([messageBytes('m')]))
    await turn()
    h.receive(notify([messageBytes('now')]), notify([messageBytes('m')]))
    await turn()
    expect(h.acks()).toEqual([[], [], []])
    expect(h.counters.lateVariables).toBe(1)
  })
})
