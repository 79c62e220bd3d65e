import { defaultPayloadConverter } from '@temporalio/common'
import { Worker } from '@temporalio/worker'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { BATCH_SIGNAL } from '../../../agent/messages.ts'
import { workflowBundle } from '../../../workflows/bundle.ts'
import { ENTITY_DEFAULTS } from '../../../workflows/workflows/entity.ts'
import type { Usage, UsageMeterInput } from '../../../workflows/workflows/usage-meter.ts'
import { actor, record, signalFromEdge } from '../support/edge.ts'
import { histories, openWorkbench, type Workbench } from '../support/workbench.ts'

let bench: Workbench
beforeAll(async () => (bench = await openWorkbench()), 90_000)
afterAll(() => bench?.close())

/** Bounds a wait that would otherwise never end; nothing is measured by it. */
const EVENTUALLY = { timeout: 60_000, interval: 100 }

/** More than a run takes by default, and fewer than before. */
const SIGNALS = ENTITY_DEFAULTS.signalsPerRun + 10

/** An entity that has got them all before any worker runs; what its runs look like once it has taken them in. */
async function runsOf(name: string, options?: UsageMeterInput['options']) {
  const by = actor('ann')
  const input: UsageMeterInput = { rule: 'api', key: name, ...(options && { options }) }
  const start = { taskQueue: name, workflowType: 'usageMeter', workflowId: `api/${name}`, input, by }
  const numbers = Array.from({ length: SIGNALS }, (_, n) => n)
  const send = (n: number) =>
    signalFromEdge(bench.client, start, BATCH_SIGNAL, { rule: 'api', key: name, records: [record(n)] })
  const sender = async () => {
    for (let n = numbers.shift(); n !== undefined; n = numbers.shift()) await send(n)
  }
  await Promise.all(Array.from({ length: 8 }, sender))
  const handle = bench.client.workflow.getHandle(start.workflowId)
  const taken = async (total: number) =>
    vi.waitFor(async () => expect(await handle.query<Usage>('usage')).toMatchObject({ total, unstored: 0 }), EVENTUALLY)
  await bench.withWorker(name, async () => {
    await taken(SIGNALS)
    // One activity more: a run that ended too early is told by what it did later.
    await send(SIGNALS)
    await taken(SIGNALS + 1)
  })
  await handle.terminate()
  return histories(bench.client, start.workflowId)
}

describe('the number of signals that a run takes', { timeout: 120_000 }, () => {
  test('is 500 where the input does not say', async () => {
    const runs = await runsOf('usual')
    expect(runs.length).toBe(2)
    expect(runs[0]?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes).toBeTruthy()
  })

  test('stays what it was for a run that began when it was 2,000', async () => {
    // As one of that time: a bound in the input leaves no marker, and then the input had none.
    const [events = []] = await runsOf('former', { signalsPerRun: 2000 })
    const started = events[0]?.workflowExecutionStartedEventAttributes
    expect(events.some((one) => one.markerRecordedEventAttributes)).toBe(false)
    if (started) started.input = { payloads: [defaultPayloadConverter.toPayload({ rule: 'api', key: 'former' })] }
    await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, { events })
  })
})
