import { describe, expect, test } from 'vitest'
import { type Reply } from '../../node-spoe/src/index.ts'
import { type Handle, fallback, one, plain, turn } from './support/handlers.ts'
import { harness, sleep } from './support/harness.ts'
import { messageBytes, notify } from './support/wire.ts'

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
        fallback: broken as (reply: Reply) => void,
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

test('a reply that a handler kept never writes into the answer of another request', async () => {
  const kept: Reply[] = []
  let release = (): void => {}
  // Answers at once or later, as a cache does.
  const cached = plain((_, reply) => {
    reply.setVar('txn', 'own', true)
    return new Promise<void>((resolve) => (release = resolve))
  })
  const h = harness({ messages: { keep: plain((_, reply) => void kept.push(reply)), cached }, deadlineMs: 60_000 })
  h.receive(notify([messageBytes('cached')], 1))
  release()
  await turn()
  h.receive(notify([messageBytes('keep')], 2), notify([messageBytes('cached')], 3))
  for (const reply of kept) reply.setVar('txn', 'foreign', true)
  release()
  await turn()
  expect(h.acks()).toEqual([[['set txn.own', true]], [], [['set txn.own', true]]])
  expect(h.counters.lateVariables).toBe(1)
})

test('a promise that a handler forgot to return writes into no answer of another request', async () => {
  const forgetful = plain((_, reply) => void turn().then(() => reply.setVar('txn', 'foreign', true)))
  const later = plain((_, reply) => sleep(20).then(() => reply.setVar('txn', 'own', true)))
  const h = harness({ messages: { forgetful, later }, deadlineMs: 60_000 })
  h.receive(notify([messageBytes('forgetful')], 1), notify([messageBytes('later')], 2))
  await sleep(50)
  expect(h.acks()).toEqual([[], [['set txn.own', true]]])
  expect(h.counters.lateVariables).toBe(1)
})

describe('a handler declared sync', () => {
  test('that returns a promise is answered by the fallback, and its rejection ends nothing', async () => {
    const handle = (): Promise<void> => sleep(1).then(() => Promise.reject(new Error('late')))
    const h = harness({ messages: { m: { ...plain(handle), sync: true } }, fallback })
    h.receive(notify([messageBytes('m')]), notify([messageBytes('m')], 2))
    expect(h.acks()).toEqual([[['set txn.cause', 'error']], [['set txn.cause', 'error']]])
    await sleep(20)
    expect(h.errors).toMatchObject([
      { code: 'ERR_SPOP_NOT_SYNC' },
      { code: 'ERR_SPOP_NOT_SYNC' },
      { message: 'late' },
      { message: 'late' },
    ])
  })

  test('beside one that is not, in one NOTIFY, shares that NOTIFY and no other', async () => {
    const quick = { ...plain((_, reply) => reply.setVar('txn', 'quick', true)), sync: true }
    const later = plain((_, reply) => sleep(1).then(() => reply.setVar('txn', 'later', true)))
    const h = harness({ messages: { quick, later }, deadlineMs: 60_000 })
    h.receive(notify([messageBytes('quick'), messageBytes('later')], 1), notify([messageBytes('quick')], 2))
    await sleep(30)
    const both = [
      ['set txn.quick', true],
      ['set txn.later', true],
    ]
    expect(h.acks()).toEqual([[['set txn.quick', true]], both])
  })
})
