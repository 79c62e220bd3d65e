import proto from '@temporalio/proto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BATCH_LIMITS, Batcher } from '../../../agent/dispatch/batcher.ts'
import { jobOf, type Job } from '../../../agent/dispatch/job.ts'
import { signalRequest, startRequest } from '../../../agent/dispatch/temporal-request.ts'
import { entry } from './support/commands.ts'

const CALLER = { namespace: 'edge', identity: 'me' }
const text = (payload: { data?: Uint8Array | null } | null | undefined): unknown =>
  JSON.parse(Buffer.from(payload?.data ?? []).toString())

function batch(numbers: readonly number[]): Job {
  const jobs: Job[] = []
  const batcher = new Batcher(BATCH_LIMITS, (job) => jobs.push(job))
  for (const n of numbers) batcher.add(entry(n, { kind: 'meter', rule: 'usage', key: 'ac"me' }), 0)
  batcher.flushAll()
  return jobs[0]!
}

test('a start takes its ids from the event and refuses a second workflow', () => {
  const one = entry(1)
  const request = startRequest(jobOf(one), CALLER)
  expect(request).toMatchObject({
    namespace: 'edge',
    identity: 'me',
    requestId: one.command.event.id,
    workflowId: one.command.workflowId,
    workflowType: { name: 'requestHook' },
    taskQueue: { name: 'edge' },
    workflowIdReusePolicy: 3,
    workflowIdConflictPolicy: 1,
  })
  expect(text(request.input?.payloads?.[0])).toEqual(one.command.event)
  expect(text(request.header?.fields?.['actor'])).toEqual(one.command.event.actor)
  expect(text(request.memo?.fields?.['actor'])).toEqual(one.command.event.actor)
  expect(request.workflowTaskTimeout).toBeUndefined()
  const { StartWorkflowExecutionRequest: Start } = proto.temporal.api.workflowservice.v1
  expect(Start.decode(Start.encode(request).finish())).toMatchObject({ requestId: one.command.event.id })
})

test('a signal joins the running entity or starts it', () => {
  const one = entry(1, { kind: 'signal', rule: 'audit', key: 'k' })
  const request = signalRequest(jobOf(one), CALLER)
  expect(request).toMatchObject({
    requestId: one.command.event.id,
    signalName: 'event',
    workflowIdReusePolicy: 1,
    workflowIdConflictPolicy: 2,
  })
  expect(text(request.input?.payloads?.[0])).toEqual({ rule: 'audit', key: 'k' })
  expect(text(request.signalInput?.payloads?.[0])).toEqual(one.command.event)
})

test('a batch carries every record with its event id', () => {
  const request = signalRequest(batch([1, 2, 3]), CALLER)
  expect(request.signalName).toBe('batch')
  expect(text(request.signalInput?.payloads?.[0])).toMatchObject({
    rule: 'usage',
    key: 'ac"me',
    records: [1, 2, 3].map((n) => ({ id: entry(n, { rule: 'usage' }).command.event.id })),
  })
})

test('two batches have the same request id exactly when they hold the same records', () => {
  const numbers = fc.uniqueArray(fc.nat(6), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      const same = signalRequest(batch(a), CALLER).requestId === signalRequest(batch(b), CALLER).requestId
      expect(same).toBe(JSON.stringify(a) === JSON.stringify(b))
    }),
  )
})
