import { setImmediate } from 'node:timers/promises'
import { DatabaseSync } from 'node:sqlite'
import { expect, test, vi } from 'vitest'
import { Outbox } from '../../../../agent/dispatch/store/outbox.ts'
import { command } from '../support/commands.ts'
import { until } from '../support/wait.ts'
import { harness } from './harness.ts'

// Real disks: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 60_000 })

const durable = (n: number) => command(n, { delivery: 'durable', kind: 'signal' })

test('while no deletion can be committed a bounded number of rows is read back and goes out, and the rest afterwards', async () => {
  const total = 3000
  const t = harness({ bounds: { maxEvents: 100, maxBytes: 1e9, maxStored: 1e6, maxStoredBytes: 1e9 } })
  for (let n = 0; n < total; n += 100) t.take(...Array.from({ length: 100 }, (_, i) => durable(n + i)))
  const other = new DatabaseSync(t.path)
  other.exec('BEGIN IMMEDIATE')
  for (let n = 0; n < total; n++) {
    t.deliver()
    await setImmediate()
  }
  const { delivered = 0, pending = 0 } = t.rule()
  // A thousand, and what was in memory and on its way.
  expect(delivered).toBeGreaterThanOrEqual(1000)
  expect(delivered).toBeLessThanOrEqual(2100)
  expect(pending).toBe(total - delivered)
  other.exec('ROLLBACK')
  other.close()
  while ((t.rule()['pending'] ?? 0) > 0) {
    await until(() => t.parcels.length > 0)
    t.deliver()
  }
  expect(t.rule()).toMatchObject({ delivered: total, pending: 0 })
  expect(t.log.at('info')).toContain('the outbox deletes delivered events again')
  t.conserved()
})

test('a chunk that waits apart is not read back before what was cut out of it has left the disk', async () => {
  const t = harness({ bounds: { maxEvents: 20, maxBytes: 1e9, maxStored: 1e6, maxStoredBytes: 1e9 } })
  const record = (n: number, delivery: 'durable' | 'strict') => command(n, { delivery, rule: 'usage', kind: 'meter' })
  for (let n = 0; n < 20; n++) t.take(record(n, 'durable'))
  t.take(record(20, 'strict'), record(21, 'strict'))
  const [kept = 0, refused = 0] = t.strict.stored
  const flush = vi.spyOn(Outbox.prototype, 'flush').mockImplementation(() => {
    throw new Error('busy')
  })
  t.engine.answered([kept], [refused])
  const rest = async (): Promise<void> => {
    for (let turns = 0; turns < 20; turns++) {
      t.deliver()
      await setImmediate()
    }
  }
  await rest()
  expect(t.rule('usage')['pending']).toBeGreaterThan(0)
  flush.mockRestore()
  const bodies: string[] = []
  while ((t.rule('usage')['pending'] ?? 0) > 0) {
    await until(() => t.parcels.length > 0)
    bodies.push(...t.parcels.map(({ body }) => body))
    t.deliver()
  }
  expect(bodies.join()).toContain(record(20, 'strict').id)
  expect(bodies.join()).not.toContain(record(21, 'strict').id)
  expect(t.rule('usage')).toMatchObject({ received: 22, delivered: 21, shed: 1, pending: 0 })
  t.conserved()
})
