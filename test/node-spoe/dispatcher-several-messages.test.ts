import { describe, expect, test } from 'vitest'
import { message } from '../../node-spoe/src/index.ts'
import { fallback, type Handle, plain } from './support/handlers.ts'
import { type Harness, harness, sleep } from './support/harness.ts'
import { messageBytes, notify, typed } from './support/wire.ts'

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
