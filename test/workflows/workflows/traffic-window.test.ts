import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { WINDOW_SIGNAL, type WindowSummary } from '../../../agent/messages.ts'
import type { TrafficWindow } from '../../../workflows/workflows/traffic.ts'
import type { TrafficWindowInput, TrafficWindows } from '../../../workflows/workflows/traffic-window.ts'
import { actor, signalFromEdge, summary } from '../support/edge.ts'
import { histories, openWorkbench, type Workbench } from '../support/workbench.ts'

let bench: Workbench
beforeAll(async () => (bench = await openWorkbench()), 90_000)
afterAll(() => bench?.close())

/** Bounds a wait that would otherwise never end; nothing is measured by it. */
const EVENTUALLY = { timeout: 60_000, interval: 100 }

function traffic(taskQueue: string, options?: TrafficWindowInput['options']) {
  const input: TrafficWindowInput = { rule: 'api', key: 'acme', ...(options && { options }) }
  const start = { taskQueue, workflowType: 'trafficWindow', workflowId: `traffic/${taskQueue}`, input }
  return {
    handle: bench.client.workflow.getHandle(start.workflowId),
    send: (sent: unknown) => signalFromEdge(bench.client, { ...start, by: actor('agent') }, WINDOW_SIGNAL, sent),
  }
}

test(
  'adds up what several agents tell, and answers for all intervals and the newest',
  { timeout: 90_000 },
  async () => {
    await bench.withWorker('agents', async () => {
      const { handle, send } = traffic('agents')
      await send(summary(1, 'a', [{ latencyMs: 10 }, { status: 503 }]))
      await send(summary(0, 'a', [{}]))
      await send(summary(1, 'b', [{ latencyMs: 900, server: 's2' }]))
      await send({ not: 'a summary' })
      await vi.waitFor(async () => {
        const { windows, ...counts } = await handle.query<TrafficWindows>('windows')
        expect(counts).toEqual({ rule: 'api', key: 'acme', total: 3, duplicates: 0, malformed: 1, tooLate: 0 })
        expect(windows.map(({ from, requests }) => [from, requests])).toEqual([
          [0, 1],
          [10_000, 3],
        ])
      }, EVENTUALLY)
      expect(await handle.query<TrafficWindow>('latest')).toMatchObject({
        summaries: 2,
        errors: 1,
        latencyMs: { max: 900, p99: 900 },
        servers: { s1: { requests: 2, errors: 1 }, s2: { requests: 1, errors: 0 } },
      })
      expect((await handle.query<TrafficWindows, [number]>('windows', 1)).windows).toHaveLength(1)
      await handle.terminate()
    })
  },
)

test('loses and doubles nothing while it continues as new', { timeout: 120_000 }, async () => {
  await bench.withWorker('many-windows', async () => {
    const { handle, send } = traffic('many-windows', { signalsPerRun: 15, keep: 50 })
    // 20 intervals of 4 agents, each summary twice, from several senders at once.
    const summaries = Array.from({ length: 80 }, (_, n) => summary(Math.floor(n / 4), `agent-${n % 4}`, [{}, {}]))
    // In two waves, the second of repetitions: each is more than a run takes, however many signals a task brings.
    for (const duplicates of [0, 80]) {
      const queue: WindowSummary[] = [...summaries]
      const sender = async () => {
        for (let one = queue.shift(); one !== undefined; one = queue.shift()) await send(one)
      }
      await Promise.all(Array.from({ length: 6 }, sender))
      await vi.waitFor(async () => {
        const told = { total: 80, duplicates, malformed: 0, tooLate: 0 }
        expect(await handle.query<TrafficWindows>('windows')).toMatchObject(told)
      }, EVENTUALLY)
    }
    const { windows } = await handle.query<TrafficWindows>('windows')
    expect(windows.map(({ requests, summaries: agents }) => [requests, agents])).toEqual(
      Array.from({ length: 20 }, () => [8, 4]),
    )
    await handle.terminate()
    const runs = await histories(bench.client, handle.workflowId)
    expect(runs.length).toBeGreaterThanOrEqual(3)
    expect(runs.flat().filter((e) => e.workflowExecutionSignaledEventAttributes).length).toBe(160)
  })
})

test('the query of the newest interval is answered before there is one', { timeout: 60_000 }, async () => {
  await bench.withWorker('empty', async () => {
    const { handle, send } = traffic('empty')
    await send(null)
    await vi.waitFor(async () => {
      expect(await handle.query<TrafficWindows>('windows')).toMatchObject({ malformed: 1, windows: [] })
    }, EVENTUALLY)
    expect(await handle.query('latest')).toBeNull()
    await handle.terminate()
  })
})
