import proto from '@temporalio/proto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EnvelopeSubject } from '../../../agent/actor/envelope.ts'
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

describe('with a signer', () => {
  const signed: EnvelopeSubject[] = []
  const signer = { sign: (subject: EnvelopeSubject) => `envelope ${signed.push(subject)}` }

  test.each(['start', 'signal'] as const)('a %s carries an envelope for its workflow in the header only', (kind) => {
    const one = entry(1, { kind, key: 'k' })
    const request = (kind === 'start' ? startRequest : signalRequest)(jobOf(one), { ...CALLER, signer })
    expect(text(request.header?.fields?.['actor-envelope'])).toBe(`envelope ${signed.length}`)
    expect(text(request.header?.fields?.['actor'])).toEqual(one.command.event.actor)
    expect(Object.keys(request.memo?.fields ?? {})).toEqual(['actor'])
    const { event, workflowId } = one.command
    expect(signed.at(-1)).toEqual({ namespace: 'edge', workflowId, eventId: event.id, actor: event.actor })
  })

  test('every attempt is signed anew, so that waiting in the outbox does not count', () => {
    const job = jobOf(entry(1))
    const envelopes = [1, 2].map(() =>
      text(startRequest(job, { ...CALLER, signer }).header?.fields?.['actor-envelope']),
    )
    expect(envelopes[0]).not.toBe(envelopes[1])
  })

  test('a batch has many callers, and nothing is signed for it', () => {
    const before = signed.length
    expect(signalRequest(batch([1, 2]), { ...CALLER, signer }).header).toBeUndefined()
    expect(signed).toHaveLength(before)
  })
})

test('without a signer there is no envelope', () => {
  expect(Object.keys(startRequest(jobOf(entry(1)), CALLER).header?.fields ?? {})).toEqual(['actor'])
})

test('search attributes are of the caller of a start, if they are asked for', () => {
  const caller = { ...CALLER, searchAttributes: true }
  expect(Object.keys(startRequest(jobOf(entry(1)), caller).searchAttributes?.indexedFields ?? {})).toContain('Tenant')
  expect(startRequest(jobOf(entry(1)), CALLER).searchAttributes).toBeUndefined()
  // An entity serves many callers: the first one's name would stick to it.
  expect(signalRequest(jobOf(entry(1, { kind: 'signal' })), caller)).not.toHaveProperty('searchAttributes')
})
