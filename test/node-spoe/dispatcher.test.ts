import { describe, expect, test, vi } from 'vitest'
import { type MessageHandler, type MessageView, type Reply, message } from '../../node-spoe/src/index.ts'
import { type Harness, harness, sleep } from './support/harness.ts'
import { messageBytes, notify, typed } from './support/wire.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
type Handle = MessageHandler<Record<never, never>>['handle']
const plain = (handle: Handle): MessageHandler<Record<never, never>> => message({ args: {}, handle })

const fallback = (reply: Reply, cause: string): void => reply.setVar('txn', 'cause', cause)

/** One handler, one NOTIFY; resolves when all is over. */
async function one(handle: Handle, wait = 0): Promise<Harness> {
  const h = harness({ messages: { m: plain(handle) }, fallback, deadlineMs: 16 })
  h.receive(notify([messageBytes('m')], 7, 9))
  if (wait > 0) await sleep(wait)
  await turn()
  return h
}

describe('exactly one ACK with the ids of its NOTIFY, when the handler', () => {
  const OK = [['set txn.v', 'ok']]
  const ERROR = [['set txn.cause', 'error']]
  const DEADLINE = [['set txn.cause', 'deadline']]
  const cases: [string, Handle, number, unknown][] = [
    ['returns', (_, reply) => reply.setVar('txn', 'v', 'ok'), 0, OK],
    ['returns without setting anything', () => {}, 0, []],
    [
      'throws before setting variables',
      () => {
        throw new Error('x')
      },
      0,
      ERROR,
    ],
    [
      'throws after setting variables',
      (_, reply) => {
        reply.setVar('txn', 'v', 'ok')
        throw new Error('x')
      },
      0,
      ERROR,
    ],
    [
      'throws undefined',
      () => {
        throw undefined
      },
      0,
      ERROR,
    ],
    [
      'resolves',
      async (_, reply) => {
        reply.setVar('txn', 'v', 'ok')
      },
      0,
      OK,
    ],
    [
      'resolves after an await',
      async (_, reply) => {
        await sleep(1)
        reply.setVar('txn', 'v', 'ok')
      },
      10,
      OK,
    ],
    [
      'rejects',
      async (_, reply) => {
        reply.setVar('txn', 'v', 'ok')
        throw new Error('x')
      },
      0,
      ERROR,
    ],
    [
      'rejects after an await',
      async (_, reply) => {
        reply.setVar('txn', 'v', 'ok')
        await sleep(1)
        throw new Error('x')
      },
      10,
      ERROR,
    ],
    ['never resolves', () => new Promise<void>(() => {}), 40, DEADLINE],
    [
      'never resolves after setting variables',
      (_, reply) => {
        reply.setVar('txn', 'v', 'ok')
        return new Promise<void>(() => {})
      },
      40,
      DEADLINE,
    ],
    [
      'resolves after the deadline',
      async (_, reply) => {
        await sleep(40)
        reply.setVar('txn', 'v', 'ok')
      },
      80,
      DEADLINE,
    ],
    [
      'rejects after the deadline',
      async () => {
        await sleep(40)
        throw new Error('x')
      },
      80,
      DEADLINE,
    ],
    // oxlint-disable-next-line unicorn/no-thenable -- the point of the test
    [
      'returns a thenable that throws',
      () =>
        ({
          then: () => {
            throw new Error('x')
          },
        }) as unknown as Promise<void>,
      5,
      ERROR,
    ],
    // oxlint-disable-next-line unicorn/no-thenable -- the point of the test
    [
      'returns a thenable that resolves twice',
      () =>
        ({
          then: (done: () => void) => {
            done()
            done()
          },
        }) as unknown as Promise<void>,
      5,
      [],
    ],
  ]
  test.each(cases)('%s', async (_, handle, wait, expected) => {
    const h = await one(handle, wait)
    expect(h.acks()).toEqual([expected])
    expect(h.sent()).toMatchObject([{ type: 103, flags: 1, streamId: 7n, frameId: 9n }])
    expect(h.counters).toMatchObject({ notifies: 1, acks: 1, inFlight: 0 })
    expect(h.session.pending).toBe(0)
  })
})

describe('what is counted and reported', () => {
  test('a handler that throws or rejects', async () => {
    for (const handle of [
      () => {
        throw new Error('boom')
      },
      async () => {
        throw new Error('boom')
      },
    ]) {
      const h = await one(handle, 1)
      expect(h.counters.handlerErrors).toBe(1)
      expect(h.errors).toEqual([expect.objectContaining({ message: 'boom' })])
    }
  })

  test('a late rejection is reported but changes no answer', async () => {
    const h = await one(async () => {
      await sleep(30)
      throw new Error('late')
    }, 60)
    expect(h.counters).toMatchObject({ handlerErrors: 1, deadlineAnswers: 1, acks: 1 })
  })

  test('a write after the ACK is settled: counted, ignored', async () => {
    let kept: Reply | undefined
    const h = await one(async (_, reply) => {
      kept = reply
      await sleep(40)
      reply.setVar('txn', 'v', 1)
      reply.unsetVar('txn', 'w')
    }, 80)
    expect(kept!.settled).toBe(true)
    expect(h.counters.lateVariables).toBe(2)
    expect(h.acks()).toEqual([[['set txn.cause', 'deadline']]])
  })

  test('an onError that throws harms nobody', () => {
    const h = harness({
      messages: {
        m: plain(() => {
          throw new Error('x')
        }),
      },
      onError: () => {
        throw new Error('y')
      },
    })
    h.receive(notify([messageBytes('m')]))
    expect(h.acks()).toEqual([[]])
  })

  test('a fallback that throws, or rejects, leaves the ACK empty', async () => {
    const failing = [
      (reply: Reply) => {
        reply.setVar('txn', 'half', 1)
        throw new Error('f')
      },
      async () => {
        throw new Error('f')
      },
    ]
    for (const broken of failing) {
      const h = harness({
        messages: {
          m: plain(() => {
            throw new Error('x')
          }),
        },
        fallback: broken,
      })
      h.receive(notify([messageBytes('m')]))
      await turn()
      expect(h.acks()).toEqual([[]])
      expect(h.errors).toHaveLength(2)
    }
  })

  test('the fallback learns the error', () => {
    const seen: unknown[] = []
    const h = harness({
      messages: {
        m: plain(() => {
          throw new Error('why')
        }),
      },
      fallback: (_, cause, error) => seen.push(cause, error),
    })
    h.receive(notify([messageBytes('m')]))
    expect(seen).toEqual(['error', expect.objectContaining({ message: 'why' })])
  })

  test('a refused variable is left out, the others go out', () => {
    const h = harness({
      varPrefix: 'p',
      messages: {
        m: plain((_, reply) => {
          reply.setVar('txn', 'a', 1)
          reply.setVar('txn', 'bad-name', 1)
          reply.setVar('txn', 'n'.repeat(58), 1)
          reply.setVar('txn', 'b', 1.5)
          reply.setVar('nowhere' as 'txn', 'b', 1)
          reply.setVar('toString' as 'txn', 'b', 1)
          reply.unsetVar('txn', '')
          reply.setVar('txn', 'c', 2)
        }),
      },
    })
    h.receive(notify([messageBytes('m')]))
    expect(h.acks()).toEqual([
      [
        ['set txn.a', 1n],
        ['set txn.c', 2n],
      ],
    ])
    expect(h.counters.variablesRefused).toBe(6)
    expect(h.errors).toHaveLength(6)
  })
})

describe('several messages in one NOTIFY', () => {
  const set =
    (name: string): Handle =>
    (_, reply) =>
      reply.setVar('txn', name, true)
  const later =
    (name: string): Handle =>
    async (_, reply) => {
      await sleep(2)
      reply.setVar('txn', name, true)
    }
  const run = async (handlers: readonly Handle[]): Promise<Harness> => {
    const messages = Object.fromEntries(handlers.map((handle, i) => [`m${i}`, plain(handle)]))
    const h = harness({ messages, fallback })
    h.receive(notify(Object.keys(messages).map((name) => messageBytes(name))))
    await sleep(15)
    return h
  }

  test('share one ACK: sync and sync', async () => {
    expect((await run([set('a'), set('b')])).acks()).toEqual([
      [
        ['set txn.a', true],
        ['set txn.b', true],
      ],
    ])
  })

  test('share one ACK: async first, sync second, and the other way round', async () => {
    expect((await run([later('a'), set('b')])).acks()).toEqual([
      [
        ['set txn.b', true],
        ['set txn.a', true],
      ],
    ])
    expect((await run([set('a'), later('b')])).acks()).toEqual([
      [
        ['set txn.a', true],
        ['set txn.b', true],
      ],
    ])
  })

  test('share one ACK: async and async', async () => {
    expect((await run([later('a'), later('b')])).acks()).toEqual([
      [
        ['set txn.a', true],
        ['set txn.b', true],
      ],
    ])
  })

  test('one that fails fails them all, whatever the others set or are going to set', async () => {
    const boom: Handle = () => {
      throw new Error('x')
    }
    const boomLater: Handle = async () => {
      await sleep(1)
      throw new Error('x')
    }
    for (const handlers of [
      [set('a'), boom],
      [boom, set('a')],
      [later('a'), boom],
      [boom, later('a')],
      [set('a'), boomLater],
      [boomLater, later('a')],
    ]) {
      const h = await run(handlers)
      expect(h.acks()).toEqual([[['set txn.cause', 'error']]])
      expect(h.counters).toMatchObject({ messages: 2, handlerErrors: 1, inFlight: 0 })
    }
  })

  test('the same message twice is handled twice', () => {
    const seen: unknown[] = []
    const m = message({ args: { n: 'int' }, handle: (view) => void seen.push(view.get('n')) })
    harness({ messages: { m } }).receive(
      notify([messageBytes('m', { n: typed.int64(1) }), messageBytes('m', { n: typed.int64(2) })]),
    )
    expect(seen).toEqual([1, 2])
  })

  test('none at all gets an empty ACK; an unknown one too, and is counted', () => {
    const h = harness({ messages: { known: plain(set('k')) } })
    h.receive(
      notify([]),
      notify([messageBytes('what', { a: typed.int64(1) })]),
      notify([messageBytes('what'), messageBytes('known')]),
    )
    expect(h.acks()).toEqual([[], [], [['set txn.k', true]]])
    expect(h.counters).toMatchObject({ unknownMessages: 2, messages: 1, acks: 3 })
  })
})

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
