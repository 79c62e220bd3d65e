import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BATCH_LIMITS, Batcher } from '../../../agent/dispatch/batcher.ts'
import type { Job } from '../../../agent/dispatch/job.ts'
import type { MeterRecord } from '../../../agent/messages.ts'
import { entry } from './support/commands.ts'

const meter = (n: number, key = 'acme') => entry(n, { kind: 'meter', rule: 'usage', key })

test('a batch goes out when it has all its records, and not before', () => {
  const jobs: Job[] = []
  const batcher = new Batcher({ ...BATCH_LIMITS, maxRecords: 3 }, (job) => jobs.push(job))
  batcher.add(meter(1), 0)
  batcher.add(meter(2), 0)
  expect(jobs).toHaveLength(0)
  batcher.add(meter(3), 0)
  expect(jobs[0]).toMatchObject({ workflowId: 'usage/acme', key: 'acme', lane: 'usage/acme' })
  expect(batcher.nextDue()).toBeUndefined()
})

test('a batch goes out when its first record has waited long enough', () => {
  const jobs: Job[] = []
  const batcher = new Batcher(BATCH_LIMITS, (job) => jobs.push(job))
  batcher.add(meter(1, 'a'), 1_000)
  batcher.add(meter(2, 'b'), 1_100)
  batcher.add(meter(3, 'a'), 1_200)
  expect(batcher.nextDue()).toBe(1_250)
  batcher.flushDue(1_249)
  expect(jobs).toHaveLength(0)
  batcher.flushDue(1_250)
  expect(jobs.map((job) => [job.key, job.entries.length])).toEqual([['a', 2]])
  expect(batcher.nextDue()).toBe(1_350)
})

test('a record holds what the meter needs and leaves out a subject that is not known', () => {
  const jobs: Job[] = []
  const batcher = new Batcher({ ...BATCH_LIMITS, maxRecords: 1 }, (job) => jobs.push(job))
  const known = meter(1)
  const { subject: _, ...actor } = known.command.event.actor
  batcher.add(known, 0)
  batcher.add({ ...known, command: { ...known.command, event: { ...known.command.event, actor } } }, 0)
  const { id, at } = known.command.event
  const records = jobs.map((job) => JSON.parse(job.records[0] ?? '') as MeterRecord)
  expect(records).toEqual([
    { id, at, method: 'POST', path: '/orders', subject: 'user-7' },
    { id, at, method: 'POST', path: '/orders' },
  ])
})

test('no batch exceeds a limit, and every event is in exactly one batch of its key, in order', () => {
  const events = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), wait: fc.nat(100), path: fc.nat(400) }), {
    maxLength: 120,
  })
  const limits = fc.record({
    maxRecords: fc.integer({ min: 1, max: 20 }),
    maxDelayMs: fc.integer({ min: 1, max: 300 }),
    maxBytes: fc.integer({ min: 600, max: 4_000 }),
  })
  fc.assert(
    fc.property(events, limits, (all, limit) => {
      const jobs: Job[] = []
      const batcher = new Batcher(limit, (job) => jobs.push(job))
      let now = 0
      const entries = all.map(({ key, wait, path }, n) => {
        now += wait
        batcher.flushDue(now)
        const one = meter(n, key)
        // Not latin1 only: the limit is in bytes.
        const request = { ...one.command.event.request, path: '/é'.repeat(path / 3) }
        const grown = { ...one, command: { ...one.command, event: { ...one.command.event, request } } }
        batcher.add(grown, now)
        expect(batcher.nextDue() ?? Infinity).toBeGreaterThan(now)
        return grown
      })
      batcher.flushAll()
      for (const job of jobs) {
        expect(job.entries.length).toBe(job.records.length)
        expect(job.entries.length).toBeLessThanOrEqual(limit.maxRecords)
        const bytes = Buffer.byteLength(job.records.join(','))
        if (job.entries.length > 1) expect(bytes).toBeLessThanOrEqual(limit.maxBytes)
      }
      for (const key of ['a', 'b', 'c']) {
        const sent = jobs.filter((job) => job.key === key).flatMap((job) => job.entries)
        expect(sent).toEqual(entries.filter((e) => e.command.key === key))
      }
    }),
  )
})
