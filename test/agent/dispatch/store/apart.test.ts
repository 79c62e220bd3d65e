import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import type { Command } from '../../../../agent/dispatch/command.ts'
import { command, type Over } from '../support/commands.ts'
import { until } from '../support/wait.ts'
import { harness, type Harness } from './harness.ts'

// Real disks: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 60_000 })

const signal: Over = { kind: 'signal', delivery: 'durable' }
const hot: Over = { ...signal, workflowId: 'orders/hot' }
const other = (n: number, over: Over = {}) => command(n, { ...signal, rule: 'audit', ...over })
/** More than memory takes. */
const FLOOD = 20_000
const LANE = 1_500

function flood(t: Harness, of: (n: number) => Over, count = FLOOD, at = 100): void {
  for (let n = 0; n < count; n += at) t.take(...Array.from({ length: at }, (_, i) => command(n + i, of(n + i))))
}

const sent = (t: Harness, rule: string): string[] =>
  t.parcels.map(({ id }) => id).filter((id) => id.startsWith(`${rule}/`))

/** Settles what others than the rule have. */
function deliverOthers(t: Harness, rule = 'orders'): void {
  t.deliver(t.parcels.filter(({ id }) => !id.startsWith(`${rule}/`)))
}

test.each([
  ['one hot key', () => hot],
  ['a namespace that is down', (n: number): Over => ({ ...signal, namespace: 'down', workflowId: `orders/${n}` })],
  ['events that start workflows of a namespace that is down', (): Over => ({ delivery: 'durable', namespace: 'down' })],
])('%s that takes nothing keeps no other event on disk', async (_, of) => {
  const t = harness()
  flood(t, of)
  const before = t.parcels.length
  for (let n = 0; n < 5000; n += 100) {
    t.take(...Array.from({ length: 100 }, (_, i) => other(n + i, { workflowId: `audit/${(n + i) % 50}` })))
    deliverOthers(t)
  }
  await until(() => (deliverOthers(t), t.rule('audit')['pending'] === 0))
  expect(t.parcels).toHaveLength(before)
  expect(t.rule()).toMatchObject({ received: FLOOD, pending: FLOOD, shed: 0 })
  t.conserved()
})

test('twenty hot keys that take nothing keep no other key of their namespace on disk', async () => {
  const t = harness({ bounds: { maxEvents: 10_000, maxBytes: 1e9, maxStored: 1e6, maxStoredBytes: 1e9 } })
  flood(t, (n) => ({ ...signal, workflowId: `orders/${Math.floor(n / 900)}` }), 18_000)
  for (let n = 0; n < 10; n++) {
    t.take(other(n))
    await until(() => sent(t, 'audit').length === 1)
    deliverOthers(t)
  }
  expect(t.rule('audit')).toMatchObject({ delivered: 10 })
  t.conserved()
})

test.each([
  ['one hot key', () => hot],
  ['a namespace that is down', (n: number): Over => ({ ...signal, namespace: 'down', workflowId: `orders/${n}` })],
])('an earlier run has left many rows of %s: others behind them go out', async (_, of) => {
  const first = harness()
  flood(first, of)
  first.take(other(1))
  await first.stop()
  const t = harness({ path: first.path })
  await until(() => sent(t, 'audit').length === 1)
  t.take(other(2))
  await until(() => sent(t, 'audit').length === 2)
  t.conserved()
})

test('a rule that names the namespace of all others takes its turn behind them in the lane of a workflow', async () => {
  const t = harness()
  flood(t, () => hot, 2 * LANE)
  t.take(other(1, { workflowId: 'orders/hot', namespace: 'default' }))
  expect(sent(t, 'audit')).toEqual([])
  await until(() => (deliverOthers(t, 'audit'), sent(t, 'audit').length === 1))
  expect(t.rule()).toMatchObject({ delivered: 2 * LANE, pending: 0 })
  t.conserved()
})

test('of one lane no more rows are in memory than its workflow recognises, and all go out in their order', async () => {
  const t = harness()
  flood(t, () => hot, 5000)
  const order: string[] = []
  while (order.length < 5000) {
    await until(() => t.parcels.length > 0)
    expect(t.parcels.length).toBeLessThanOrEqual(LANE)
    const some = t.parcels.slice(0, 400)
    order.push(...some.map(({ id }) => id))
    t.deliver(some)
  }
  expect(order).toEqual(Array.from({ length: 5000 }, (_, n) => command(n, hot).id))
  // From then on its events go to memory at once.
  t.take(command(5000, hot))
  expect(sent(t, 'orders')).toHaveLength(1)
  t.conserved()
})

test('events of the class memory take no room of rows on disk', async () => {
  const t = harness({ bounds: { maxEvents: 1000, maxBytes: 1e9, maxStored: 1e6, maxStoredBytes: 1e9 } })
  flood(t, () => ({ ...signal, delivery: 'memory', workflowId: 'orders/busy' }), 900)
  flood(t, (n) => ({ ...signal, rule: 'audit', workflowId: `audit/${n}` }), 2000)
  let delivered = 0
  while (delivered < 2000) {
    await until(() => sent(t, 'audit').length > 0)
    delivered += sent(t, 'audit').length
    deliverOthers(t)
  }
  expect(t.rule()).toMatchObject({ pending: 900 })
  t.conserved()
})

test('strict events of a hot key wait behind those on disk and for their answers, and have no effect when refused', async () => {
  const t = harness({ bounds: { maxEvents: 100, maxBytes: 1e9, maxStored: 1e6, maxStoredBytes: 1e9 } })
  flood(t, () => hot, 100, 10)
  t.take(command(100, { ...hot, delivery: 'strict' }), command(101, { ...hot, delivery: 'strict' }))
  const order: string[] = []
  const deliver = async (): Promise<void> => {
    await until(() => t.parcels.length > 0)
    order.push(...sent(t, 'orders'))
    t.deliver()
  }
  while (t.rule()['pending'] !== 2) await deliver()
  for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve))
  expect(t.parcels).toEqual([])
  const [kept = 0, refused = 0] = t.strict.stored
  t.engine.answered([kept], [refused])
  await deliver()
  expect(order).toEqual(Array.from({ length: 101 }, (_, n) => command(n, hot).id))
  expect(t.rule()).toMatchObject({ delivered: 101, shed: 1, pending: 0 })
  t.conserved()
})

test('a strict event that is sent before the reader has come to its hot key goes out once', async () => {
  const first = harness()
  flood(first, () => hot, LANE + 100)
  await first.stop()
  const t = harness({ path: first.path })
  const strict = command('strict', { ...hot, delivery: 'strict' })
  t.take(strict)
  t.engine.answered(t.strict.stored.splice(0), [])
  await until(() => t.parcels.length === LANE)
  expect(t.rule()['pending']).toBe(LANE + 101)
  const ids: string[] = []
  while (ids.length <= LANE + 100) {
    await until(() => t.parcels.some(({ id }) => id !== strict.id))
    const some = t.parcels.filter(({ id }) => id !== strict.id)
    ids.push(...some.map(({ id }) => id))
    if (ids.length === LANE + 100) break
    t.deliver(some)
  }
  for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve))
  expect(t.parcels.filter(({ id }) => id === strict.id)).toHaveLength(1)
  t.conserved()
})

test('strict events of a namespace that is down overtake its backlog, but do not fill the memory', async () => {
  const t = harness()
  const down: Over = { delivery: 'durable', namespace: 'down' }
  flood(t, () => down)
  const before = t.parcels.length
  for (let n = 0; n < 50; n++) {
    t.take(...Array.from({ length: 100 }, (_, i) => command(FLOOD + 100 * n + i, { ...down, delivery: 'strict' })))
    t.engine.answered(t.strict.stored.splice(0), [])
  }
  expect(t.parcels).toHaveLength(before + 2000)
  // What is delivered of them makes room for others.
  t.deliver(t.parcels.slice(before))
  const next = command('next', { ...down, delivery: 'strict' })
  await until(() => {
    t.take(command(`${t.rule()['received']}`, { ...down, delivery: 'strict' }))
    t.engine.answered(t.strict.stored.splice(0), [])
    return t.parcels.length > before
  })
  t.take(next)
  t.engine.answered(t.strict.stored.splice(0), [])
  expect(t.parcels.at(-1)?.id).toBe(next.id)
  const ids = new Set<string>()
  let sentOut = 0
  while (t.rule()['pending'] !== 0) {
    for (const { id } of t.parcels) ids.add(id)
    sentOut += t.parcels.length
    t.deliver()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(sentOut).toBe(ids.size)
  t.conserved()
})

interface Step {
  /** Of {@link KINDS}, each so often in a row, all in one packet. */
  readonly bursts: readonly (readonly [kind: number, count: number])[]
  /** Of each lane that takes something now. */
  readonly settled: number
  /** Which lanes do, as bits. */
  readonly taking: number
  readonly kept: boolean
  /** Turns of the loop. */
  readonly turns: number
}

/** A few lanes of two namespaces, some of them of a rule that holds back, some of no lane at all. */
const KINDS: readonly Over[] = [
  { ...signal, workflowId: 'a' },
  { ...signal, workflowId: 'b' },
  { ...signal, rule: 'audit', workflowId: 'a' },
  { ...signal, rule: 'audit', workflowId: 'a', namespace: 'other' },
  { ...signal, rule: 'audit', workflowId: 'c', namespace: 'other' },
  { kind: 'start', delivery: 'durable' },
  { kind: 'start', delivery: 'durable', namespace: 'other' },
  { ...signal, rule: 'usage', workflowId: 'a', throttle: { count: 50, perMs: 1 } },
  { ...signal, rule: 'usage', workflowId: 'd', delivery: 'memory', throttle: { count: 50, perMs: 1 } },
  { ...signal, rule: 'audit', workflowId: 'a', delivery: 'strict' },
  { kind: 'meter', rule: 'usage', delivery: 'durable', workflowId: 'm' },
]

const steps = fc.array(
  fc.record<Step>({
    bursts: fc.array(fc.tuple(fc.nat(KINDS.length - 1), fc.integer({ min: 1, max: 30 })), { maxLength: 3 }),
    settled: fc.nat(30),
    taking: fc.nat(0xffff),
    kept: fc.boolean(),
    turns: fc.nat(6),
  }),
  { maxLength: 60, size: 'max' },
)

/** Whether events of the kind keep their order: all of a lane that are on disk before they go anywhere. */
const isOrdered = ({ kind, delivery }: Over): boolean => kind === 'signal' && delivery === 'durable'

test('whatever waits apart goes out once, each lane in its order', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const t = harness({ bounds: { maxEvents: 100, maxBytes: 1e9, maxStored: 1e6, maxStoredBytes: 1e9 } })
      const taken = KINDS.map((): string[] => [])
      const gone: string[] = []
      let n = 0
      const made = (kind: number): Command => {
        const one = command(n++, KINDS[kind])
        taken[kind]?.push(one.id)
        return one
      }
      const settle = (count: number, taking: number): void => {
        // As the lanes of the ship thread do: the first of each before the second. Some take nothing for long.
        const lanes = [...Map.groupBy(t.parcels, ({ workflowId, action }) => `${action} ${workflowId}`).values()]
        const some = lanes.filter((_, i) => ((taking >> (i % 16)) & 1) === 1)
        const parcels = some.flatMap((lane) => lane.slice(0, count))
        gone.push(...parcels.map(({ id }) => id))
        t.deliver(parcels)
      }
      const turn = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve))
      for (const { bursts, settled, taking, kept, turns } of all) {
        const commands = bursts.flatMap(([kind, count]) => Array.from({ length: count }, () => made(kind)))
        if (commands.length > 0) t.take(...commands)
        if (kept) t.engine.answered(t.strict.stored.splice(0), [])
        settle(settled, taking)
        for (let left = turns; left > 0; left--) await turn()
      }
      t.engine.answered(t.strict.stored.splice(0), [])
      // At once, not every few milliseconds: what is settled must not go out again before it has left the disk.
      while (t.counters.read().total.pending > 0) {
        settle(Infinity, -1)
        await turn()
      }
      t.conserved()
      await t.stop()
      expect(new Set(gone).size).toBe(gone.length)
      for (const [kind, over] of KINDS.entries()) {
        const expected = taken[kind] ?? []
        const got = gone.filter((id) => expected.includes(id))
        if (over.kind === 'meter') expect(got).toEqual([])
        else if (isOrdered(over)) expect(got).toEqual(expected)
        else expect(got.toSorted()).toEqual(expected.toSorted())
      }
    }),
    // Shrinking would take minutes.
    { numRuns: 30, endOnFailure: true },
  )
})
