import { expect, test, vi } from 'vitest'
import { RowCipher } from '../../../../agent/crypto/row-cipher.ts'
import { GLOBAL, SLOT } from '../../../../agent/dispatch/counters.ts'
import { PacketWriter } from '../../../../agent/dispatch/packet.ts'
import { ringOf } from '../../crypto/support/keys.ts'
import { command } from '../support/commands.ts'
import { until } from '../support/wait.ts'
import { harness } from './harness.ts'

vi.setConfig({ testTimeout: 60_000 })

const strict = (n: number, over = {}) => command(n, { delivery: 'strict', ...over })

test('a strict event is told of when it is on disk, and goes out when its request was let through', () => {
  const t = harness()
  t.take(strict(1), strict(2))
  expect(t.strict).toEqual({ stored: [1, 2], failed: [] })
  expect(t.parcels).toEqual([])
  t.engine.answered([1], [])
  expect(t.parcels.map(({ id }) => id)).toEqual([strict(1).id])
  t.engine.answered([], [2])
  t.deliver()
  expect(t.rule()).toMatchObject({ received: 2, delivered: 1, shed: 1, pending: 0 })
  t.conserved()
})

test('an event whose request was refused leaves the disk, too', async () => {
  const t = harness()
  t.take(strict(1))
  t.engine.answered([], [1])
  await until(
    async () =>
      ((await t.operate({ call: 'status' })) as unknown as { status: { events: { pending: number } } }).status.events
        .pending === 0,
  )
  await t.stop()
  expect(harness({ path: t.path }).parcels).toEqual([])
})

test('an event that was not answered when the agent died is delivered by the next one: its request may have been let through', async () => {
  const t = harness()
  t.take(strict(1))
  await t.stop()
  expect(harness({ path: t.path }).parcels.map(({ id }) => id)).toEqual([strict(1).id])
})

test('a strict event that the disk has no room for is refused, and may be offered again', () => {
  const t = harness({ bounds: { maxEvents: 1e6, maxBytes: 1e9, maxStored: 1, maxStoredBytes: 1e9 } })
  t.take(strict(1), strict(2))
  expect(t.strict).toEqual({ stored: [1], failed: [2] })
  t.engine.answered([1], [])
  t.deliver()
  t.take(strict(2))
  expect(t.strict).toEqual({ stored: [1, 3], failed: [2] })
  expect(t.rule()).toMatchObject({ received: 3, delivered: 1, shed: 1, deduplicated: 0, pending: 1 })
})

test('without a disk strict events are refused and shed', () => {
  const t = harness({ path: '/dev/null/outbox.db' })
  t.take(strict(1), command(2, { delivery: 'durable' }))
  expect(t.strict).toEqual({ stored: [], failed: [1] })
  expect(t.rule()).toMatchObject({ shed: 1, pending: 1 })
  t.conserved()
})

test('one that is known already counts as stored, and its answer changes nothing', () => {
  const t = harness()
  t.take(strict(1), strict(1))
  expect(new Set(t.strict.stored)).toEqual(new Set([1, 2]))
  t.engine.answered([1], [])
  t.engine.answered([], [2])
  expect(t.parcels).toHaveLength(1)
  t.deliver()
  expect(t.rule()).toMatchObject({ delivered: 1, deduplicated: 1, shed: 0 })
  t.conserved()
})

test('an event that was taken back is new when its client asks again under the same key', () => {
  const t = harness()
  t.take(strict(1))
  t.engine.answered([], [1])
  t.take(strict(1))
  expect(t.strict).toEqual({ stored: [1, 2], failed: [] })
  t.engine.answered([2], [])
  expect(t.parcels.map(({ id }) => id)).toEqual([strict(1).id])
  t.deliver()
  expect(t.rule()).toMatchObject({ received: 2, shed: 1, deduplicated: 0, delivered: 1 })
  t.conserved()
})

test('of two requests that bring one event either one holds it, and it is taken back when both were refused', () => {
  const t = harness()
  t.take(strict(1))
  t.take(strict(1))
  expect(t.strict).toEqual({ stored: [1, 2], failed: [] })
  t.engine.answered([], [1])
  expect(t.rule()).toMatchObject({ pending: 1 })
  t.engine.answered([2], [])
  expect(t.parcels).toHaveLength(1)

  t.take(strict(2), strict(2))
  t.engine.answered([], [3, 4])
  expect(t.parcels).toHaveLength(1)
  t.deliver()
  expect(t.rule()).toMatchObject({ received: 4, delivered: 1, deduplicated: 2, shed: 1, pending: 0 })
  t.conserved()
})

test('an event goes out with the first request that is let through, however many wait for their answer', () => {
  const t = harness()
  t.take(strict(1), strict(1))
  t.take(strict(1))
  t.engine.answered([2], [])
  expect(t.parcels).toHaveLength(1)
  t.engine.answered([3], [1])
  t.take(strict(1))
  t.engine.answered([], [4])
  expect(t.parcels).toHaveLength(1)
  t.deliver()
  expect(t.rule()).toMatchObject({ delivered: 1, deduplicated: 3, shed: 0, pending: 0 })
})

test('two requests of one event that come together are told the same when the disk does not take it', () => {
  const t = harness({ path: '/dev/null/outbox.db' })
  t.take(strict(1), strict(1))
  expect(t.strict).toEqual({ stored: [], failed: [1, 2] })
  const full = harness({ bounds: { maxEvents: 1e6, maxBytes: 1e9, maxStored: 0, maxStoredBytes: 1e9 } })
  full.take(strict(1), strict(1))
  full.take(strict(1))
  expect(full.strict).toEqual({ stored: [], failed: [1, 2, 3] })
  full.conserved()
})

test('an event that waits for its answer is not forgotten, however many others come', () => {
  const t = harness()
  t.take(strict(1))
  const record = command(2, { rule: 'usage', kind: 'meter' })
  for (let n = 0; n < 250_000; n += 50_000)
    t.take(...Array.from({ length: 50_000 }, (_, i) => ({ ...record, id: `usage/${n + i}` })))
  t.take(strict(1))
  t.engine.answered([], [1])
  t.engine.answered([2], [])
  expect(t.parcels.filter(({ id }) => id === strict(1).id)).toHaveLength(1)
  expect(t.rule()).toMatchObject({ received: 2, deduplicated: 1, shed: 0, pending: 1 })
})

test('what an earlier run left on disk is as good as promised: another request of it is told so, and cannot take it back', async () => {
  const t = harness()
  await t.operate({ call: 'pause', rule: 'orders' })
  t.take(strict(1))
  await t.stop()
  const next = harness({ path: t.path })
  next.take(strict(1))
  expect(next.strict).toEqual({ stored: [1], failed: [] })
  next.engine.answered([], [1])
  await next.operate({ call: 'resume', rule: 'orders' })
  await until(() => next.parcels.length === 1)
  next.deliver()
  expect(next.rule()).toMatchObject({ received: 2, deduplicated: 1, delivered: 1, pending: 0 })
})

test('one beyond the rate of its rule has nothing to wait for, and is counted anew when it comes again', () => {
  const t = harness()
  const limited = { rateLimit: { count: 1, perMs: 3_600_000 }, call: { shapeKey: 'all' } }
  t.take(strict(1, limited), strict(2, limited))
  t.take(strict(2, limited))
  expect(t.strict).toEqual({ stored: [2, 1, 3], failed: [] })
  t.engine.answered([1, 2, 3], [])
  expect(t.parcels.map(({ id }) => id)).toEqual([strict(1).id])
  expect(t.rule()).toMatchObject({ rateLimited: 2, deduplicated: 0 })
})

test('an event of an action that nobody knows is refused at once', () => {
  const t = harness()
  const writer = new PacketWriter()
  const length = writer.add(strict(1), 77, 5)
  t.counters.add(t.counters.row(''), SLOT.received)
  t.counters.addGlobal(GLOBAL.accepted)
  t.counters.addGlobal(GLOBAL.acceptedBytes, length)
  t.engine.take([writer.take()])
  expect(t.strict).toEqual({ stored: [], failed: [5] })
  t.conserved()
})

test('of a paused rule an event stays on disk when its request was let through, and goes when it was refused', async () => {
  const t = harness()
  await t.operate({ call: 'pause', rule: 'orders' })
  t.take(strict(1), strict(2), strict(3))
  expect(t.strict).toEqual({ stored: [1, 2, 3], failed: [] })
  t.engine.answered([1], [2])
  expect(t.parcels).toEqual([])
  await t.operate({ call: 'resume', rule: 'orders' })
  await until(() => t.parcels.length === 1)
  // One that is answered when the rule goes on already goes out at once, and only once.
  t.engine.answered([3], [])
  expect(t.parcels.map(({ id }) => id)).toEqual([strict(1).id, strict(3).id])
  t.deliver()
  expect(t.rule()).toMatchObject({ received: 3, delivered: 2, shed: 1, pending: 0 })
  t.conserved()
})

test('an event whose rule is paused while it waits for its answer stays on disk', async () => {
  const t = harness()
  t.take(strict(1))
  await t.operate({ call: 'pause', rule: 'orders' })
  t.engine.answered([1], [])
  expect(t.parcels).toEqual([])
  await t.operate({ call: 'resume', rule: 'orders' })
  await until(() => t.parcels.length === 1)
})

test('a record whose request was refused is taken out of its chunk, in memory and on disk', async () => {
  const t = harness({ retainMs: 3_600_000 })
  const record = (n: number) => strict(n, { rule: 'usage', kind: 'meter' })
  const idsOf = (body: string) => (JSON.parse(`[${body}]`) as { id: string }[]).map(({ id }) => id)
  t.take(record(1), record(2), record(2), record(3))
  t.engine.answered([1], [2, 3])
  expect(t.parcels).toEqual([])
  t.engine.answered([4], [])
  expect(t.parcels.map(({ events, body }) => [events, idsOf(body)])).toEqual([[2, [record(1).id, record(3).id]]])
  const [{ id } = { id: '' }] = t.parcels
  t.deliver()
  expect(await t.operate({ call: 'show', id })).toMatchObject({
    row: { table: 'delivered', events: 2 },
    body: [{ id: record(1).id }, { id: record(3).id }],
  })
  expect(t.rule('usage')).toMatchObject({ received: 4, delivered: 2, deduplicated: 1, shed: 1, pending: 0 })
  t.conserved()

  t.take(record(2))
  t.engine.answered([5], [])
  expect(t.parcels.map(({ body }) => idsOf(body))).toEqual([[record(2).id]])
})

test('a cut chunk is on disk as it was cut, and a whole one that was refused is gone', async () => {
  const cipher = new RowCipher({ current: ringOf('a') })
  const t = harness({ cipher })
  const record = (n: number, key = 'acme') => strict(n, { rule: 'usage', kind: 'meter', key })
  t.take(record(1), record(2), record(3, 'globex'), record(4, 'globex'))
  t.engine.answered([2], [1, 3, 4])
  expect(t.rule('usage')).toMatchObject({ shed: 3, pending: 1 })
  await t.stop()
  const next = harness({ path: t.path, cipher })
  expect(next.parcels.map(({ events, body }) => [events, (JSON.parse(body) as { id: string }).id])).toEqual([
    [1, record(2).id],
  ])
  expect(next.rule('usage')).toMatchObject({ received: 1, pending: 1 })
})

test('a chunk that is stopped before all answers are there holds nothing that was refused', async () => {
  const t = harness()
  const record = (n: number) => strict(n, { rule: 'usage', kind: 'meter' })
  t.take(record(1), record(2), record(3))
  t.engine.answered([3], [1])
  await t.stop()
  expect(t.rule('usage')).toMatchObject({ received: 3, shed: 1, pending: 2 })
  const next = harness({ path: t.path })
  const idsOf = (body: string) => (JSON.parse(`[${body}]`) as { id: string }[]).map(({ id }) => id)
  expect(next.parcels.map(({ body }) => idsOf(body))).toEqual([[record(2).id, record(3).id]])
})

test('a refused record that its client asks for again joins its chunk as long as that waits for others', () => {
  const t = harness()
  const record = (n: number) => strict(n, { rule: 'usage', kind: 'meter' })
  t.take(record(1), record(2))
  t.engine.answered([], [1])
  t.take(record(1))
  expect(t.strict).toEqual({ stored: [1, 2, 3], failed: [] })
  t.engine.answered([2], [])
  expect(t.parcels).toEqual([])
  t.engine.answered([3], [])
  expect(t.parcels.map(({ events }) => events)).toEqual([2])
  t.deliver()
  expect(t.rule('usage')).toMatchObject({ received: 3, delivered: 2, deduplicated: 1, shed: 0 })
  t.conserved()
})

test('a backlog on disk does not keep strict events from their turn, and none is delivered twice', async () => {
  const t = harness()
  const backlog = 20_000
  for (let n = 0; n < backlog; n += 5000)
    t.take(...Array.from({ length: 5000 }, (_, i) => command(n + i, { delivery: 'durable' })))
  const resident = t.parcels.length
  expect(resident).toBeLessThan(backlog)
  t.take(strict(99_999))
  t.engine.answered([1], [])
  expect(t.parcels.slice(resident).map(({ id }) => id)).toEqual([strict(99_999).id])
  const seen: string[] = []
  while (seen.length < backlog + 1) {
    await until(() => t.parcels.length > 0)
    seen.push(...t.parcels.map(({ id }) => id))
    t.deliver()
  }
  expect(new Set(seen).size).toBe(backlog + 1)
  t.conserved()
})
