import { WorkflowFailedError } from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { BATCH_SIGNAL, type Actor, type MeterRecord } from '../../../agent/messages.ts'
import type { UsageToStore } from '../../../workflows/activities/store-usage.ts'
import type { Usage, UsageMeterInput } from '../../../workflows/workflows/usage-meter.ts'
import { actor, record, signalFromEdge } from '../support/edge.ts'
import { histories, openWorkbench, type Workbench } from '../support/workbench.ts'

let bench: Workbench
beforeAll(async () => (bench = await openWorkbench()), 90_000)
afterAll(() => bench?.close())

const ann = actor('ann')
/** Bounds a wait that would otherwise never end; nothing is measured by it. */
const EVENTUALLY = { timeout: 60_000, interval: 100 }

/** A store that keeps each idempotency key once, as billing should. */
function ledgerStore() {
  const chunks = new Map<string, UsageToStore>()
  const storeUsage = async (usage: UsageToStore) => {
    const before = chunks.get(usage.idempotencyKey)
    if (before !== undefined) expect(usage).toEqual(before)
    chunks.set(usage.idempotencyKey, usage)
    return usage.totals
  }
  const stored = () => [...chunks.values()].reduce((sum, { added }) => sum + added.total, 0)
  return { chunks, storeUsage, stored }
}

function meter(taskQueue: string, options?: UsageMeterInput['options']) {
  const input: UsageMeterInput = { rule: 'api', key: taskQueue, ...(options && { options }) }
  const start = { taskQueue, workflowType: 'usageMeter', workflowId: `usage/${taskQueue}`, input }
  return {
    handle: bench.client.workflow.getHandle(start.workflowId),
    send: (records: MeterRecord[], by: Actor = ann) =>
      signalFromEdge(bench.client, { ...start, by }, BATCH_SIGNAL, { rule: 'api', key: taskQueue, records }),
    sendChunks: (chunks: readonly { id: string; records: MeterRecord[] }[]) =>
      signalFromEdge(bench.client, { ...start, by: ann }, BATCH_SIGNAL, {
        rule: 'api',
        key: taskQueue,
        records: chunks.flatMap(({ records }) => records),
        chunks: chunks.map(({ id, records }) => ({ id, records: records.length })),
      }),
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => record(from + i))

test('counts the records of three batches, and one that comes twice once', { timeout: 90_000 }, async () => {
  const { chunks, storeUsage, stored } = ledgerStore()
  const work = async () => {
    const { handle, send } = meter('three-batches')
    await send(range(0, 3))
    await send(range(2, 6))
    await send(range(6, 9))
    await vi.waitFor(async () => expect((await handle.query<Usage>('usage')).unstored).toBe(0), EVENTUALLY)
    expect(await handle.query<Usage>('usage')).toEqual({
      rule: 'api',
      key: 'three-batches',
      total: 9,
      byMethod: { GET: 6, POST: 3 },
      firstAt: record(0).at,
      lastAt: record(8).at,
      duplicates: 1,
      malformed: 0,
      unstored: 0,
      storeError: null,
    })
    expect(stored()).toBe(9)
    expect([...chunks.keys()].at(-1)).toMatch(/^api\/\d\.\.api\/8$/)
    await handle.terminate()
  }
  await bench.withWorker('three-batches', work, { dependencies: { storeUsage } })
})

test('loses and doubles nothing while it continues as new', { timeout: 120_000 }, async () => {
  const { storeUsage, stored } = ledgerStore()
  const work = async () => {
    const { handle, send } = meter('many-runs', { signalsPerRun: 10 })
    // 90 batches of 10 records in three waves, each from several senders at once and longer than a run; each batch repeats
    // the last record of the one before.
    const batches = Array.from({ length: 90 }, (_, n) => range(Math.max(0, n * 10 - 1), n * 10 + 10))
    for (let wave = 0; wave < 3; wave++) {
      const queue = batches.slice(wave * 30, wave * 30 + 30)
      const sender = async (_: unknown, s: number) => {
        for (let batch = queue.shift(); batch !== undefined; batch = queue.shift())
          await send(batch, actor(`sender-${s}`))
      }
      await Promise.all(Array.from({ length: 8 }, sender))
      await vi.waitFor(async () => {
        expect(await handle.query<Usage>('usage')).toMatchObject({ total: (wave + 1) * 300, unstored: 0 })
      }, EVENTUALLY)
    }
    expect((await handle.query<Usage>('usage')).duplicates).toBe(89)
    expect(stored()).toBe(900)
    // The first run's caller stays on the entity.
    expect((await handle.describe()).memo?.['actor']).toMatchObject({ v: 1, type: 'jwt' })
    await handle.terminate()
    const runs = await histories(bench.client, handle.workflowId)
    expect(runs.length).toBeGreaterThanOrEqual(4)
    expect(runs.flat().filter((e) => e.workflowExecutionSignaledEventAttributes).length).toBe(90)
  }
  await bench.withWorker('many-runs', work, { dependencies: { storeUsage } })
})

test('a chunk that comes again after many others, in another run, is counted once', { timeout: 90_000 }, async () => {
  const { storeUsage, stored } = ledgerStore()
  const work = async () => {
    // Ten record ids are remembered: only the chunk's own id can tell that its records have been here.
    const { handle, sendChunks } = meter('chunks', { signalsPerRun: 4, seenIds: 10 })
    const chunks = Array.from({ length: 12 }, (_, n) => ({ id: `chunk-${n}`, records: range(n * 10, n * 10 + 10) }))
    for (let n = 0; n < 12; n += 2) await sendChunks(chunks.slice(n, n + 2))
    for (const again of [0, 5, 11]) await sendChunks(chunks.slice(again, again + 1))
    await vi.waitFor(async () => {
      const counted = { total: 120, duplicates: 30, malformed: 0, unstored: 0 }
      expect(await handle.query<Usage>('usage')).toMatchObject(counted)
    }, EVENTUALLY)
    expect(stored()).toBe(120)
    await handle.terminate()
    expect((await histories(bench.client, handle.workflowId)).length).toBeGreaterThanOrEqual(2)
  }
  await bench.withWorker('chunks', work, { dependencies: { storeUsage } })
})

test('usage that the store refuses is counted, and stored by the next run', { timeout: 90_000 }, async () => {
  const { chunks, storeUsage, stored } = ledgerStore()
  let broken = true
  const brokenStore = async (usage: UsageToStore) => {
    if (broken) throw ApplicationFailure.nonRetryable('the store is full')
    return storeUsage(usage)
  }
  const work = async () => {
    const { handle, send } = meter('broken-store', { signalsPerRun: 3 })
    await send(range(0, 5))
    await vi.waitFor(async () => {
      const refused = { total: 5, unstored: 5, storeError: 'the store is full' }
      expect(await handle.query<Usage>('usage')).toMatchObject(refused)
    }, EVENTUALLY)
    await send(range(5, 10))
    broken = false
    // The pause before the next try is a minute; the third signal ends the run, and the next one tries at once.
    await send(range(10, 12))
    await vi.waitFor(async () => {
      expect(await handle.query<Usage>('usage')).toMatchObject({ total: 12, unstored: 0, storeError: null })
    }, EVENTUALLY)
    expect(stored()).toBe(12)
    expect([...chunks.values()].map(({ added, totals }) => [added.total, totals.total])).toEqual([
      [5, 5],
      [7, 12],
    ])
    await handle.terminate()
  }
  await bench.withWorker('broken-store', work, { dependencies: { storeUsage: brokenStore } })
})

test('cancellation stores what is counted and then ends the entity', { timeout: 90_000 }, async () => {
  const { storeUsage, stored } = ledgerStore()
  const { handle, send } = meter('cancelled')
  // Signals and cancellation wait for the worker together.
  await send(range(0, 4))
  await send(range(4, 7))
  await handle.cancel()
  const work = async () => {
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError)
    expect(stored()).toBe(7)
  }
  await bench.withWorker('cancelled', work, { dependencies: { storeUsage } })
})
