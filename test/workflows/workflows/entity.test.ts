import { join } from 'node:path'
import { WorkflowFailedError } from '@temporalio/client'
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundle } from '@temporalio/worker'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { InboxBatch } from '../../../workflows/workflows/inbox.ts'
import { actor, signalFromEdge } from '../support/edge.ts'
import type { Collected, CollectorInput, Item } from '../support/own-workflows.ts'
import { histories, openWorkbench, type Workbench } from '../support/workbench.ts'

let bench: Workbench
let workflowBundle: WorkflowBundle
beforeAll(async () => {
  bench = await openWorkbench()
  workflowBundle = await bundleWorkflowCode({
    workflowsPath: join(import.meta.dirname, '..', 'support', 'own-workflows.ts'),
    logger: new DefaultLogger('ERROR'),
  })
}, 90_000)
afterAll(() => bench?.close())

/** Bounds a wait that would otherwise never end; nothing is measured by it. */
const EVENTUALLY = { timeout: 60_000, interval: 100 }

/** Where items go: each batch once, by its key. */
function target() {
  const batches = new Map<string, readonly Item[]>()
  const state = { open: true, attempts: 0 }
  const handOver = async ({ items, idempotencyKey }: InboxBatch<Item>) => {
    state.attempts += 1
    if (!state.open) throw new Error('nobody takes it')
    expect(batches.get(idempotencyKey) ?? items).toEqual(items)
    batches.set(idempotencyKey, items)
  }
  return { batches, state, handOver, items: () => [...batches.values()].flat() }
}

function entity(workflowType: string, taskQueue: string, options?: CollectorInput['options']) {
  const input: CollectorInput = { rule: 'test', key: taskQueue, ...(options && { options }) }
  const start = { taskQueue, workflowType, workflowId: `${workflowType}/${taskQueue}`, input, by: actor('ann') }
  const handle = bench.client.workflow.getHandle(start.workflowId)
  return {
    handle,
    send: (item: unknown) => signalFromEdge(bench.client, start, 'item', item),
    collected: () => handle.query<Collected>('collected'),
  }
}

const worker = (handOver: object) => ({ options: { workflowBundle, activities: { handOver } } })

test('an entity of a user loses and doubles nothing while it continues as new', { timeout: 120_000 }, async () => {
  const { batches, handOver, items } = target()
  const work = async () => {
    const { handle, send, collected } = entity('collector', 'many', { signalsPerRun: 25 })
    const all = Array.from({ length: 150 }, (_, n) => ({ id: `i-${Math.floor(n / 1.2)}` }))
    // Three waves, each longer than a run, and each from several senders at once.
    for (let wave = 0; wave < 3; wave++) {
      const queue = all.slice(wave * 50, wave * 50 + 50)
      const sender = async () => {
        for (let item = queue.shift(); item !== undefined; item = queue.shift()) await send(item)
      }
      await Promise.all(Array.from({ length: 6 }, sender))
      await vi.waitFor(async () => {
        const { total, duplicates, waiting } = await collected()
        expect([total + duplicates, waiting]).toEqual([wave * 50 + 50, 0])
      }, EVENTUALLY)
    }
    await send({ no: 'id' })
    await vi.waitFor(async () => expect(await collected()).toMatchObject({ malformed: 1 }), EVENTUALLY)
    const distinct = new Set(all.map(({ id }) => id)).size
    expect(new Set(items().map(({ id }) => id)).size).toBe(distinct)
    expect(items()).toHaveLength(distinct)
    expect(Math.max(...[...batches.values()].map(({ length }) => length))).toBeLessThanOrEqual(10)
    await handle.terminate()
    expect((await histories(bench.client, handle.workflowId)).length).toBeGreaterThanOrEqual(3)
  }
  await bench.withWorker('many', work, worker(handOver))
})

test('what cannot be done is handed on, and done by a later run under the same key', { timeout: 120_000 }, async () => {
  const { state, handOver, items } = target()
  const work = async () => {
    state.open = false
    const { handle, send, collected } = entity('collector', 'away', { signalsPerRun: 4 })
    for (let n = 0; n < 3; n++) await send({ id: `${n}` })
    await vi.waitFor(() => expect(state.attempts).toBe(1), EVENTUALLY)
    expect(await collected()).toMatchObject({ waiting: 3 })
    state.open = true
    // The pause before the next try is a minute; the fourth signal ends the run, and the next one tries at once.
    await send({ id: '3' })
    await vi.waitFor(async () => expect(await collected()).toMatchObject({ total: 4, waiting: 0 }), EVENTUALLY)
    expect(items().map(({ id }) => id)).toEqual(['0', '1', '2', '3'])
    await handle.terminate()
  }
  await bench.withWorker('away', work, worker(handOver))
})

test('more than a state holds is worked off before the run is handed over', { timeout: 120_000 }, async () => {
  const { handOver, items } = target()
  const { handle, send, collected } = entity('collector', 'large', { signalsPerRun: 5 })
  // 800 KB wait for the worker, in one run that is due as soon as it begins.
  for (let n = 0; n < 8; n++) await send({ id: `${n}`, text: 'x'.repeat(100_000) })
  const work = async () => {
    await vi.waitFor(async () => expect(await collected()).toMatchObject({ total: 8, waiting: 0 }), EVENTUALLY)
    expect(items()).toHaveLength(8)
    await handle.terminate()
    const runs = await histories(bench.client, handle.workflowId)
    const states = runs.flatMap((events) =>
      events.flatMap(
        ({ workflowExecutionContinuedAsNewEventAttributes: next }) => next?.input?.payloads?.[0]?.data ?? [],
      ),
    )
    expect(states.length).toBeGreaterThanOrEqual(1)
    for (const data of states) expect(data.length).toBeLessThan(400_000)
  }
  await bench.withWorker('large', work, worker(handOver))
})

test('a run that is due goes on with its steps until it may be handed over', { timeout: 90_000 }, async () => {
  const { handOver, items } = target()
  const { handle, send } = entity('drainer', 'drain', { signalsPerRun: 6 })
  for (let n = 0; n < 6; n++) await send({ id: `${n}` })
  const work = async () => {
    await vi.waitFor(() => expect(items()).toHaveLength(6), EVENTUALLY)
    await handle.terminate()
    const [first] = await histories(bench.client, handle.workflowId)
    // Five were done by the first run, one was left to the next.
    expect(first?.filter((one) => one.activityTaskScheduledEventAttributes)).toHaveLength(5)
  }
  await bench.withWorker('drain', work, worker(handOver))
})

test('cancellation does what waits, batch by batch, and then ends the entity', { timeout: 90_000 }, async () => {
  const { batches, handOver, items } = target()
  const { handle, send } = entity('collector', 'cancelled')
  for (let n = 0; n < 25; n++) await send({ id: `${n}` })
  await handle.cancel()
  const work = async () => {
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError)
    expect(items()).toHaveLength(25)
    expect(batches.size).toBe(3)
  }
  await bench.withWorker('cancelled', work, worker(handOver))
})
