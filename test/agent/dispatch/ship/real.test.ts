import { Client, Connection } from '@temporalio/client'
import { expect, onTestFinished, test } from 'vitest'
import type { CallOptions } from '../../../../agent/dispatch/command.ts'
import { GLOBAL } from '../../../../agent/dispatch/counters.ts'
import { openConnections } from '../../../../agent/dispatch/temporal/connections.ts'
import type { MeterBatch } from '../../../../agent/messages.ts'
import { tempFolder } from '../../../support/folder.ts'
import { testTemporal } from '../../../support/temporal.ts'
import { recordedLog } from '../support/commands.ts'
import { histories } from '../support/histories.ts'
import { until } from '../support/wait.ts'
import { failure } from './support/fake-temporal.ts'
import { chunk, eventOf, idOf, parcel, recordOf } from './support/parcels.ts'
import { shipping } from './support/shipping.ts'

/** A server that ends with its test, and what talks to its workflows. */
async function realServer(): Promise<{ readonly address: string; readonly workflow: Client['workflow'] }> {
  const server = await testTemporal(tempFolder())
  onTestFinished(() => server.stop())
  await server.start()
  const { address } = server
  const connection = await Connection.connect({ address })
  onTestFinished(() => connection.close())
  const { workflow } = new Client({ connection })
  return { address, workflow }
}

test('an ending whose answer is lost ends no later workflow of the same id', { timeout: 120_000 }, async () => {
  const { address, workflow } = await realServer()
  const start = (workflowId: string) => workflow.start('requestHook', { workflowId, taskQueue: 'edge' })
  const connections = openConnections({ temporal: { address, namespace: 'default' }, log: recordedLog() })
  const real = connections.of(undefined)
  const runs: string[] = []
  let ended = 0
  // It has its effect, and somebody starts the same again before the agent asks a second time.
  const loseFirst = async (workflowId: string, answer: Promise<unknown>) => {
    await answer
    if (++ended > 2) return {} as never
    if (workflowId === 'cancelled') await workflow.getHandle(workflowId).terminate()
    runs.push((await start(workflowId)).firstExecutionRunId)
    throw failure(4, 'lost')
  }
  const calls = {
    ...real,
    cancel: (request: Parameters<typeof real.cancel>[0]) => loseFirst('cancelled', real.cancel(request)),
    terminate: (request: Parameters<typeof real.terminate>[0]) => loseFirst('terminated', real.terminate(request)),
  }
  const caller = { namespace: 'default', identity: 'me' }
  const { push, ended: outcomes } = shipping({ of: () => calls, close: () => connections.close() }, caller)
  for (const workflowId of ['cancelled', 'terminated']) await start(workflowId)
  push({ kind: 'cancel' }, parcel(1, { workflowId: 'cancelled' }))
  push({ kind: 'terminate' }, parcel(2, { workflowId: 'terminated' }))
  await until(() => outcomes.size === 2)
  expect([...outcomes.values()]).toEqual(['delivered', 'delivered'])
  for (const workflowId of ['cancelled', 'terminated']) {
    const handle = workflow.getHandle(workflowId)
    const { status, runId } = await handle.describe()
    expect([status.name, runs.includes(runId)]).toEqual(['RUNNING', true])
    const { events } = await handle.fetchHistory()
    expect(events?.some((one) => one.workflowExecutionCancelRequestedEventAttributes != null)).toBe(false)
  }
})

test('a real server takes each kind of call as it is meant', { timeout: 120_000 }, async () => {
  const { address, workflow } = await realServer()
  const seen = await histories(address)
  const temporal = { address, namespace: 'default' }
  const connections = openConnections({ temporal, log: recordedLog() })
  const caller = { namespace: 'default', identity: 'me', searchAttributes: true }
  const { push, ended, counters, log } = shipping(connections, caller, { temporal })

  const call = (options: CallOptions): string => JSON.stringify(options)
  const signal = (n: number, workflowId: string, options: CallOptions = {}) =>
    parcel(n, { workflowId, key: 'k', call: call(options) })
  push({ priority: 2, timeouts: { runMs: 60_000 } }, parcel(1, { call: call({ memo: { plan: 'gold' } }) }), parcel(2))
  push({ kind: 'signal' }, signal(3, 'audit/k'), signal(4, 'audit/k'))
  push({ kind: 'meter' }, chunk(5, 2, { at: 0 }), chunk(7, 1, { at: 0 }))
  await until(() => ended.size === 6)
  // The same once more, as after a crash.
  push({}, parcel(101, { ...parcel(1), handle: 101 }))
  push({ kind: 'signal', workflowType: '' }, signal(102, 'audit/k'), signal(103, 'nobody'))
  push({ kind: 'cancel' }, parcel(104, { workflowId: idOf(1), call: call({ reason: 'enough' }) }))
  push({ kind: 'terminate' }, parcel(105, { workflowId: idOf(2) }), parcel(106, { workflowId: 'nobody' }))
  push({ kind: 'signal' }, signal(107, 'audit/later', { startDelayMs: 3_600_000 }))
  push({ kind: 'signal' }, signal(108, 'audit/later', { startDelayMs: 3_600_000 }))
  push({ namespace: 'nowhere' }, parcel(109))
  await until(() => ended.size === 14)

  expect([...ended.values()].filter((how) => how !== 'delivered')).toEqual([
    expect.stringMatching(/^NO_WORKFLOW: NOT_FOUND: /),
  ])
  expect(ended.get(103)).toMatch(/^NO_WORKFLOW/)
  expect(ended.has(109)).toBe(false)

  // The namespace has none of the search attributes: it is told of each, and the workflows are there all the same.
  const missing = log.lines.flatMap(({ fields }) => ('searchAttribute' in fields ? [fields.searchAttribute] : []))
  expect(new Set(missing)).toEqual(new Set(['ActorType', 'Tenant']))
  expect(counters.getGlobal(GLOBAL.unindexed)).toBe(3)

  expect(await seen.started(idOf(1))).toEqual({
    input: eventOf(1),
    header: eventOf(1).actor,
    memo: eventOf(1).actor,
  })
  const first = await workflow.getHandle(idOf(1)).describe()
  expect(first.memo).toMatchObject({ plan: 'gold' })
  expect(first.priority).toMatchObject({ priorityKey: 2, fairnessKey: 'acme' })
  const { events } = await workflow.getHandle(idOf(1)).fetchHistory()
  const cancelled = events?.find((one) => one.workflowExecutionCancelRequestedEventAttributes != null)
  expect(cancelled?.workflowExecutionCancelRequestedEventAttributes?.cause).toBe('enough')
  expect((await workflow.getHandle(idOf(2)).describe()).status.name).toBe('TERMINATED')

  expect(await seen.signals('audit/k', 'event')).toEqual([eventOf(3), eventOf(4), eventOf(102)])
  const [batch] = await seen.signals<MeterBatch>('usage/acme', 'batch')
  expect(batch).toMatchObject({ records: [5, 6, 7].map(recordOf), chunks: [{ records: 2 }, { records: 1 }] })
  // No task was made for it: its delay was not cut short.
  expect(await seen.signals('audit/later', 'event')).toHaveLength(2)
  const later = await workflow.getHandle('audit/later').fetchHistory()
  expect(later.events?.some((one) => one.workflowTaskScheduledEventAttributes != null)).toBe(false)
})
