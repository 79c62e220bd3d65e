import { DatabaseSync } from 'node:sqlite'
import { expect, test, vi } from 'vitest'
import { GLOBAL } from '../../../../agent/dispatch/counters.ts'
import { command } from '../support/commands.ts'
import { until } from '../support/wait.ts'
import { harness, type Harness } from './harness.ts'

// Real disks: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 60_000 })

const durable = (n: number) => command(n, { delivery: 'durable' })

/** As the ship thread tells of everything that it has. */
function refuseAll(t: Harness): void {
  const letters = t.parcels.map((parcel) => ({ parcel, reason: 'NO: not this', attempts: 1 }))
  t.parcels.length = 0
  t.engine.fromShip({ type: 'dead', letters })
}

/** As another process sees the file. */
function deadOnDisk({ path }: Harness): number {
  const db = new DatabaseSync(path, { readOnly: true })
  const row = db.prepare('SELECT count(*) AS n FROM dead_letters').get()
  db.close()
  return Number(row?.['n'])
}

const kept = (t: Harness): number[] => [
  t.counters.getGlobal(GLOBAL.deadLetters),
  t.counters.getGlobal(GLOBAL.deadLettersDropped),
]

test('dead letters of memory events cost no commit of their own: they go with those of others', () => {
  const t = harness()
  t.take(...Array.from({ length: 500 }, (_, n) => command(n)))
  refuseAll(t)
  expect(deadOnDisk(t)).toBe(0)
  expect(kept(t)).toEqual([500, 0])
  t.take(durable(1000))
  expect(deadOnDisk(t)).toBe(500)
  expect(kept(t)).toEqual([500, 0])
  t.deliver()
  t.conserved()
})

test('dead letters that nothing takes along are on disk a moment later', async () => {
  const t = harness()
  t.take(command(1))
  refuseAll(t)
  await until(() => deadOnDisk(t) === 1)
})

test('while another program holds the file dead letters wait in memory, and are kept when it is free', async () => {
  const t = harness()
  const other = new DatabaseSync(t.path)
  other.exec('BEGIN IMMEDIATE')
  t.take(command(1), command(2))
  refuseAll(t)
  await until(() => t.log.at('error').some((line) => line.startsWith('the outbox cannot delete')))
  t.take(command(3))
  refuseAll(t)
  other.exec('ROLLBACK')
  other.close()
  await until(() => deadOnDisk(t) === 3)
  expect(kept(t)).toEqual([3, 0])
})

test('what waits for a disk that takes nothing is bounded, and those beyond are lost and counted', async () => {
  const t = harness()
  const other = new DatabaseSync(t.path)
  other.exec('BEGIN IMMEDIATE')
  t.take(command(0))
  refuseAll(t)
  await until(() => t.log.at('error').some((line) => line.startsWith('the outbox cannot delete')))
  const { body } = command(1)
  const large = { ...body, path: 'x'.repeat(256 * 1024) }
  for (let n = 1; n <= 20; n++) t.take(command(n, { body: large }))
  refuseAll(t)
  other.exec('ROLLBACK')
  other.close()
  await until(() => deadOnDisk(t) > 0)
  expect(deadOnDisk(t)).toBeLessThan(21)
  expect(kept(t)).toEqual([deadOnDisk(t), 21 - deadOnDisk(t)])
  expect(t.rule()).toMatchObject({ deadLettered: 21, pending: 0 })
  t.conserved()
})

test('dead letters beyond the bound are deleted, counted, and told of once for the whole burst', async () => {
  const t = harness({ deadBounds: { events: 2, bytes: 1e9 } })
  for (let n = 0; n < 20; n += 5) {
    t.take(command(n), command(n + 1), durable(n + 2), durable(n + 3), durable(n + 4))
    refuseAll(t)
    await t.operate({ call: 'status' })
  }
  expect(kept(t)).toEqual([2, 18])
  expect(await t.operate({ call: 'status' })).toMatchObject({ status: { events: { dead: 2, pending: 0 } } })
  expect(t.log.at('warn')).toEqual(['more dead letters than outbox.maxDeadLetters allows: the oldest are deleted'])
  expect(t.rule()).toMatchObject({ deadLettered: 20, pending: 0 })
  t.conserved()
})

test('an agent that is started again counts the dead letters that it finds', async () => {
  const first = harness()
  first.take(command(1), durable(2))
  refuseAll(first)
  await first.stop()
  const t = harness({ path: first.path })
  expect(kept(t)).toEqual([2, 0])
  await t.operate({ call: 'purge', table: 'dead', filter: { id: durable(2).id } })
  expect(kept(t)).toEqual([1, 0])
})
