import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { EVENT_SIGNAL, type Actor, type EdgeEvent } from '../../../agent/messages.ts'
import type { AuditTrail, AuditTrailInput } from '../../../workflows/workflows/audit-trail.ts'
import { actor, event, signalFromEdge } from '../support/edge.ts'
import { histories, openWorkbench, type Workbench } from '../support/workbench.ts'

let bench: Workbench
beforeAll(async () => (bench = await openWorkbench()), 90_000)
afterAll(() => bench?.close())

/** Bounds a wait that would otherwise never end; nothing is measured by it. */
const EVENTUALLY = { timeout: 60_000, interval: 100 }

function trail(taskQueue: string, options?: AuditTrailInput['options']) {
  const input: AuditTrailInput = { rule: 'audit', key: taskQueue, ...(options && { options }) }
  const start = { taskQueue, workflowType: 'auditTrail', workflowId: `trail/${taskQueue}`, input }
  return {
    handle: bench.client.workflow.getHandle(start.workflowId),
    send: (sent: EdgeEvent, by: Actor = sent.actor) =>
      signalFromEdge(bench.client, { ...start, by }, EVENT_SIGNAL, sent),
  }
}

test('each signal is recorded under the caller of its own header', { timeout: 90_000 }, async () => {
  await bench.withWorker('callers', async () => {
    const { handle, send } = trail('callers')
    const body = actor('body')
    await send(event('1', 'audit', body), actor('ann'))
    await send(event('2', 'audit', body), actor('ben', { tenant: 'other' }))
    await send(event('1', 'audit', body), actor('eve'))
    await vi.waitFor(async () => {
      const { entries, total, duplicates } = await handle.query<AuditTrail>('trail')
      expect(entries.map(({ id, actor: by }) => [id, by.subject, by.tenant])).toEqual([
        ['audit/1', 'ann', 'acme'],
        ['audit/2', 'ben', 'other'],
      ])
      expect({ total, duplicates }).toEqual({ total: 2, duplicates: 1 })
    }, EVENTUALLY)
    await handle.terminate()
  })
})

test('loses and doubles nothing while it continues as new', { timeout: 120_000 }, async () => {
  await bench.withWorker('many-events', async () => {
    const { handle, send } = trail('many-events', { signalsPerRun: 40 })
    const senders = Array.from({ length: 6 }, async (_, s) => {
      const by = actor(`sender-${s}`)
      for (let n = 0; n < 25; n++) {
        await send(event(`${s}-${n}`, 'audit', by))
        if (n % 5 === 0) await send(event(`${s}-${n}`, 'audit', by))
      }
    })
    await Promise.all(senders)
    await vi.waitFor(async () => {
      expect(await handle.query<AuditTrail>('trail')).toMatchObject({ total: 150, duplicates: 30 })
    }, EVENTUALLY)
    const { entries } = await handle.query<AuditTrail>('trail')
    expect(new Set(entries.map((entry) => entry.id)).size).toBe(100)
    for (const { id, actor: by } of entries) expect(id).toMatch(new RegExp(`^audit/${by.subject?.slice(-1)}-`))
    await handle.terminate()
    const runs = await histories(bench.client, handle.workflowId)
    expect(runs.length).toBeGreaterThanOrEqual(2)
    expect(runs.flat().filter((e) => e.workflowExecutionSignaledEventAttributes).length).toBe(180)
  })
})
