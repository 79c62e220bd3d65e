import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import type { Command } from '../../../agent/dispatch/command.ts'
import type { TemporalCalls } from '../../../agent/dispatch/connection.ts'
import { Counters, GLOBAL, SLOT } from '../../../agent/dispatch/counters.ts'
import { Engine } from '../../../agent/dispatch/engine.ts'
import type { FromThread, ThreadOptions } from '../../../agent/dispatch/protocol.ts'
import { command } from './support/commands.ts'
import { expectConserved } from './support/conservation.ts'
import { tempFolder } from '../../support/folder.ts'
import { until } from './support/wait.ts'

// Real threads, disks and sockets: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 60_000 })

const RULES = ['orders', 'audit', 'usage']
type Answer = 'ok' | 'known' | 'poison' | 'timeout'

/** Temporal in small: answers as the list says, in turn, and counts the effects by request id. */
function fakeTemporal(answers: readonly Answer[]): { calls: TemporalCalls; effects: Map<string, number> } {
  const effects = new Map<string, number>()
  let turn = 0
  const answer = async (requestId: string): Promise<{ started: boolean }> => {
    const kind = answers.length === 0 ? 'ok' : (answers[turn++ % answers.length] ?? 'ok')
    await new Promise((resolve) => setImmediate(resolve))
    if (kind === 'poison') throw Object.assign(new Error('poison'), { code: 3 })
    if (kind === 'known') throw Object.assign(new Error('known'), { code: 6 })
    // The outcome of a timeout is unknown to the caller; here the call had its effect.
    if (!effects.has(requestId)) effects.set(requestId, 0)
    if (kind === 'timeout') throw Object.assign(new Error('late'), { code: 4 })
    effects.set(requestId, 1)
    return { started: true }
  }
  const calls: TemporalCalls = {
    start: ({ requestId }) => answer(requestId ?? ''),
    signalWithStart: ({ requestId }) => answer(requestId ?? ''),
    close: () => Promise.resolve(),
  }
  return { calls, effects }
}

/** The engine with the hot side's counting, but in one thread. */
function hotSide(path: string, calls: TemporalCalls, maxRows = 1_000) {
  const counters = new Counters(RULES)
  const temporal = { address: 'fake', namespace: 'edge' }
  const meter = { maxRecords: 5, maxDelayMs: 1, maxBytes: 10_000 }
  const options: ThreadOptions = { temporal, outbox: { path, maxRows }, meter, rules: RULES, shared: counters.shared }
  const said: FromThread[] = []
  const engine = new Engine(options, calls, (message) => said.push(message))
  engine.start()
  const take = (commands: readonly Command[]): void => {
    for (const each of commands) {
      counters.add(counters.row(each.rule), SLOT.received)
      counters.addGlobal(GLOBAL.accepted)
    }
    engine.take(commands)
  }
  return {
    engine,
    take,
    said,
    counters: () => counters.read(),
    inMemory: () => counters.getGlobal(GLOBAL.accepted) - counters.getGlobal(GLOBAL.released),
  }
}

const anyCommand = fc
  .record({
    n: fc.nat(60),
    kind: fc.constantFrom('start', 'signal', 'meter'),
    delivery: fc.constantFrom('memory', 'durable'),
    key: fc.constantFrom('a', 'b'),
  })
  .map(({ n, kind, delivery, key }) => {
    const rule = { start: 'orders', signal: 'audit', meter: 'usage' }[kind]
    return command(n, { kind, delivery, rule, ...(kind === 'start' ? {} : { key }) })
  })

test('whatever arrives and whatever Temporal answers, the books balance at every moment', async () => {
  const batches = fc.array(fc.array(anyCommand, { maxLength: 12 }), { maxLength: 8 })
  const answers = fc.array(fc.constantFrom<Answer>('ok', 'ok', 'ok', 'known', 'poison', 'timeout'), { maxLength: 10 })
  await fc.assert(
    fc.asyncProperty(batches, answers, fc.nat(30), async (all, given, maxRows) => {
      const { calls } = fakeTemporal([...given, 'ok'])
      const hot = hotSide(join(tempFolder(), 'outbox.db'), calls, maxRows)
      for (const batch of all) {
        hot.take(batch)
        expectConserved(hot)
        await new Promise((resolve) => setImmediate(resolve))
        expectConserved(hot)
      }
      await until(() => hot.counters().total.pending === 0)
      expectConserved(hot)
      expect(hot.inMemory()).toBe(0)
      await hot.engine.drain(0)
      expectConserved(hot)
    }),
    { numRuns: 30 },
  )
})

test('a backlog larger than memory is read back in pages and delivered in order of age', async () => {
  const path = join(tempFolder(), 'outbox.db')
  const never: TemporalCalls = {
    start: () => new Promise(() => undefined),
    signalWithStart: () => new Promise(() => undefined),
    close: () => Promise.resolve(),
  }
  const first = hotSide(path, never, 100_000)
  const total = 40_000
  for (let n = 0; n < total; n += 500)
    first.take(Array.from({ length: 500 }, (_, i) => command(n + i, { delivery: 'durable' })))
  // What does not fit into memory is on disk alone, and does not count against the bound on memory.
  expect(first.inMemory()).toBeLessThan(17_000)
  expect(first.counters().total).toMatchObject({ received: total, pending: total })
  await first.engine.drain(0)
  expect(first.counters().total).toMatchObject({ received: total, pending: total, shed: 0 })

  const order: string[] = []
  const calls: TemporalCalls = {
    ...never,
    start: ({ requestId }) => {
      order.push(requestId ?? '')
      return Promise.resolve({ started: true })
    },
  }
  const second = hotSide(path, calls)
  await until(() => second.counters().total.pending === 0)
  expect(order).toHaveLength(total)
  expect(order.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(order)
  expect(second.counters()).toMatchObject({ recovered: total, total: { received: total, delivered: total } })
  await second.engine.drain(0)
})

test('a row that is no command becomes a dead letter and stops nothing', async () => {
  const path = join(tempFolder(), 'outbox.db')
  const { DatabaseSync } = await import('node:sqlite')
  const { calls } = fakeTemporal([])
  await hotSide(path, calls).engine.drain(0)
  const db = new DatabaseSync(path)
  db.exec(`INSERT INTO outbox (seq, id, rule, body) VALUES (1, 'a', 'orders', '{"half":'), (2, 'b', 'gone', 'null')`)
  db.close()
  const hot = hotSide(path, calls)
  hot.take([command(1, { delivery: 'durable' })])
  await until(() => hot.counters().total.pending === 0)
  expect(hot.counters().total).toMatchObject({ received: 3, deadLettered: 2, delivered: 1 })
  await hot.engine.drain(0)
})

test('a disk that takes nothing costs durability, not events', async () => {
  const path = join(tempFolder(), 'outbox.db')
  const { DatabaseSync } = await import('node:sqlite')
  const { calls } = fakeTemporal([])
  const hot = hotSide(path, calls)
  const other = new DatabaseSync(path)
  other.exec('BEGIN IMMEDIATE')
  hot.take([command(1, { delivery: 'durable' }), command(2, { delivery: 'durable' })])
  await until(() => hot.counters().total.pending === 0)
  other.close()
  hot.take([command(3, { delivery: 'durable' })])
  await until(() => hot.counters().total.pending === 0)
  expect(hot.counters()).toMatchObject({ unstored: 2, total: { received: 3, delivered: 3 } })
  expect(hot.said.flatMap((m) => (m.type === 'log' && m.message.startsWith('the outbox') ? m.message : []))).toEqual([
    'the outbox does not take events: durable events stay in memory',
    'the outbox takes events again',
  ])
  await hot.engine.drain(0)
})
