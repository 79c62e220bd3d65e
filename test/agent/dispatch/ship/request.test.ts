import proto from '@temporalio/proto'
import { describe, expect, test } from 'vitest'
import type { EnvelopeSubject } from '../../../../agent/actor/envelope.ts'
import type { CallOptions, WorkflowAction } from '../../../../agent/dispatch/command.ts'
import type { Parcel } from '../../../../agent/dispatch/parcel.ts'
import type { Caller } from '../../../../agent/dispatch/ship/caller.ts'
import type { Job } from '../../../../agent/dispatch/ship/job.ts'
import { EncodeError, type Payload } from '../../../../agent/dispatch/ship/payloads.ts'
import {
  type Asked,
  cancelRequest,
  eventOf,
  signalRequest,
  signalWithStartRequest,
  startRequest,
  terminateRequest,
} from '../../../../agent/dispatch/ship/request.ts'
import { CALLER, chunk, eventOf as madeEvent, idOf, job, parcel, recordOf, text } from './support/parcels.ts'

const asked = (one: Job, caller: Caller = CALLER): Asked => ({ job: one, caller, event: eventOf(one) })
const single = (over: Partial<WorkflowAction> = {}, parcelOver: Partial<Parcel> = {}): Job =>
  job([parcel(1, parcelOver)], over)
const withCall = (call: CallOptions, over: Partial<WorkflowAction> = {}): Job =>
  single(over, { call: JSON.stringify(call) })

const api = proto.temporal.api.workflowservice.v1
/** What the server would read of a request. */
const sent = <T>(type: { encode(m: T): { finish(): Uint8Array }; decode(b: Uint8Array): T }, request: T): T =>
  type.decode(type.encode(request).finish())

test('a start takes its ids from the event, and sends the event as it came', () => {
  const one = single()
  const request = startRequest(asked(one))
  expect(request).toMatchObject({
    namespace: 'edge',
    identity: 'me',
    requestId: idOf(1),
    workflowId: idOf(1),
    workflowType: { name: 'requestHook' },
    taskQueue: { name: 'edge' },
    workflowIdReusePolicy: 3,
    workflowIdConflictPolicy: 1,
  })
  expect(Buffer.from(request.input?.payloads?.[0]?.data ?? []).toString()).toBe(one.first.body)
  expect(text(request.header?.fields?.['actor'])).toEqual(madeEvent(1).actor)
  expect(text(request.memo?.fields?.['actor'])).toEqual(madeEvent(1).actor)
  expect(request.workflowTaskTimeout).toBeUndefined()
  expect(sent(api.StartWorkflowExecutionRequest, request)).toMatchObject({ requestId: idOf(1) })
})

test('a signal joins the running entity or starts it', () => {
  const one = single({ kind: 'signal' }, { workflowId: 'audit/k', key: 'k' })
  const request = signalWithStartRequest(asked(one))
  expect(request).toMatchObject({
    workflowId: 'audit/k',
    requestId: idOf(1),
    signalName: 'event',
    workflowIdReusePolicy: 1,
    workflowIdConflictPolicy: 2,
  })
  expect(text(request.input?.payloads?.[0])).toEqual({ rule: 'audit', key: 'k' })
  expect(text(request.signalInput?.payloads?.[0])).toEqual(madeEvent(1))
  expect(text(request.memo?.fields?.['actor'])).toEqual(madeEvent(1).actor)
})

test('a signal to a workflow that it must not start names the workflow, and its caller in the header', () => {
  const one = single({ kind: 'signal', workflowType: '' }, { workflowId: 'w' })
  const request = signalRequest(asked(one))
  expect(request).toMatchObject({ workflowExecution: { workflowId: 'w' }, requestId: idOf(1), signalName: 'event' })
  expect(text(request.input?.payloads?.[0])).toEqual(madeEvent(1))
  expect(text(request.header?.fields?.['actor'])).toEqual(madeEvent(1).actor)
  expect(sent(api.SignalWorkflowExecutionRequest, request).workflowExecution?.workflowId).toBe('w')
})

test('a batch carries every record, under a request id of its own, and no caller', () => {
  const one = job([chunk(1, 2), chunk(3, 1)], { kind: 'meter' })
  const request = signalWithStartRequest(asked(one))
  expect(request.signalName).toBe('batch')
  expect(request.requestId).toMatch(/^batch\//)
  expect(text(request.signalInput?.payloads?.[0])).toMatchObject({
    rule: 'usage',
    key: 'acme',
    records: [1, 2, 3].map(recordOf),
  })
  expect([request.header, request.memo]).toEqual([undefined, undefined])
})

test('a window is signalled as it came', () => {
  const one = single({ kind: 'window' }, { body: '{"id":"w"}', key: 'k' })
  const request = signalWithStartRequest(asked(one))
  expect(request).toMatchObject({ signalName: 'window', requestId: idOf(1) })
  expect(text(request.signalInput?.payloads?.[0])).toEqual({ id: 'w' })
  expect(request.header).toBeUndefined()
})

test('a cancellation and a termination say why, and the latter who asked for it', () => {
  const over = { workflowId: 'w' }
  const cancelled = cancelRequest(asked(single({ kind: 'cancel' }, over)))
  expect(cancelled).toMatchObject({
    workflowExecution: { workflowId: 'w' },
    requestId: idOf(1),
    reason: 'rule stop',
    identity: 'me',
  })
  const call = JSON.stringify({ reason: 'fraud' } satisfies CallOptions)
  const terminated = terminateRequest(asked(single({ kind: 'terminate' }, { ...over, call })))
  expect(terminated).toMatchObject({ workflowExecution: { workflowId: 'w' }, reason: 'fraud' })
  expect(text(terminated.details?.payloads?.[0])).toEqual(madeEvent(1))
  expect(sent(api.RequestCancelWorkflowExecutionRequest, cancelled).reason).toBe('rule stop')
  expect(sent(api.TerminateWorkflowExecutionRequest, terminated).reason).toBe('fraud')
})

test('an ending names the workflow that it is for, where that is known', () => {
  for (const [kind, request] of [
    ['cancel', cancelRequest],
    ['terminate', terminateRequest],
  ] as const) {
    const one = single({ kind }, { workflowId: 'w' })
    const named = (chain: string) => ((one.chain = chain), request(asked(one)).firstExecutionRunId)
    expect([named('run'), named('')]).toEqual(['run', undefined])
  }
})

describe('options', () => {
  test('a memo of the rule stands beside the actor and never in its place', () => {
    const request = startRequest(asked(withCall({ memo: { plan: 'gold', n: 3, actor: 'fake' } })))
    const memo = Object.entries(request.memo?.fields ?? {}).map(([name, value]) => [name, text(value)])
    expect(Object.fromEntries(memo)).toEqual({ plan: 'gold', n: 3, actor: madeEvent(1).actor })
  })

  test('a start delay is a duration, and none where it is nothing', () => {
    const delayed = startRequest(asked(withCall({ startDelayMs: 1_500 }))).workflowStartDelay
    expect([Number(delayed?.seconds), delayed?.nanos]).toEqual([1, 500_000_000])
    expect(startRequest(asked(withCall({ startDelayMs: 0 }))).workflowStartDelay).toBeUndefined()
  })

  test('the tenant is the fairness key, cut within its bytes and never within a character', () => {
    const key = (tenant: string) => startRequest(asked(single({}, { tenant }))).priority?.fairnessKey
    expect(key('acme')).toBe('acme')
    expect(key('x'.repeat(70))).toBe('x'.repeat(64))
    expect(key('é'.repeat(40))).toBe('é'.repeat(32))
    expect(key(`x${'é'.repeat(40)}`)).toBe(`x${'é'.repeat(31)}`)
    expect(key('')).toBeUndefined()
  })

  test('priority is that of the rule, and absent without one', () => {
    expect(startRequest(asked(single({ priority: 2 }, { tenant: '' }))).priority).toEqual({ priorityKey: 2 })
    expect(startRequest(asked(single({}, { tenant: '' }))).priority).toBeUndefined()
  })

  test('search attributes are handed through', () => {
    const searchAttributes = { indexedFields: {} }
    expect(startRequest({ ...asked(single()), searchAttributes }).searchAttributes).toBe(searchAttributes)
    expect(startRequest(asked(single())).searchAttributes).toBeUndefined()
  })

  test('options that are no JSON make the request fail', () => {
    expect(() => startRequest(asked(single({}, { call: '{' })))).toThrow(SyntaxError)
  })
})

describe('with a signer', () => {
  const signed: EnvelopeSubject[] = []
  const signer = { sign: (subject: EnvelopeSubject) => `envelope ${signed.push(subject)}` }
  const caller = { ...CALLER, signer }

  test.each([
    ['start', startRequest],
    ['signal', signalWithStartRequest],
    ['signal', signalRequest],
  ] as const)('a %s carries an envelope for its workflow in the header only', (kind, request) => {
    const one = single({ kind, namespace: 'billing' }, { workflowId: 'w' })
    const made: { header?: unknown; memo?: { fields?: object | null } | null } = request(asked(one, caller))
    const { fields } = made.header as { fields: Record<string, Payload> }
    expect(text(fields['actor-envelope'])).toBe(`envelope ${signed.length}`)
    expect(text(fields['actor'])).toEqual(madeEvent(1).actor)
    if (made.memo != null) expect(Object.keys(made.memo.fields ?? {})).toEqual(['actor'])
    const { id: eventId, actor } = madeEvent(1)
    expect(signed.at(-1)).toEqual({ namespace: 'billing', workflowId: 'w', eventId, actor })
  })

  test('every attempt is signed anew, so that waiting in the outbox does not count', () => {
    const one = single()
    const envelopes = [1, 2].map(() => text(startRequest(asked(one, caller)).header?.fields?.['actor-envelope']))
    expect(envelopes[0]).not.toBe(envelopes[1])
  })

  test('a batch has many callers, and nothing is signed for it', () => {
    const before = signed.length
    expect(signalWithStartRequest(asked(job([chunk(1)], { kind: 'meter' }), caller)).header).toBeUndefined()
    expect(signed).toHaveLength(before)
  })
})

test('without a signer there is no envelope', () => {
  expect(Object.keys(startRequest(asked(single())).header?.fields ?? {})).toEqual(['actor'])
})

describe('with a payload codec', () => {
  const encode = (payload: Payload): Payload => ({
    metadata: { encoding: Buffer.from('x') },
    data: payload.data ?? null,
  })
  const caller = { ...CALLER, encode }
  const isEncoded = (payload: Payload | null | undefined) =>
    Buffer.from(payload?.metadata?.['encoding'] ?? []).toString() === 'x'

  test('inputs, signals, details and memos go through it, headers and search attributes do not', () => {
    const call = JSON.stringify({ memo: { plan: 'gold' } } satisfies CallOptions)
    const started = startRequest(asked(single({}, { call }), caller))
    expect(isEncoded(started.input?.payloads?.[0])).toBe(true)
    expect(Object.values(started.memo?.fields ?? {}).map(isEncoded)).toEqual([true, true])
    expect(Object.values(started.header?.fields ?? {}).map(isEncoded)).toEqual([false])
    const signalled = signalWithStartRequest(asked(job([chunk(1)], { kind: 'meter' }), caller))
    expect([signalled.input, signalled.signalInput].map((one) => isEncoded(one?.payloads?.[0]))).toEqual([true, true])
    expect(isEncoded(signalRequest(asked(single({ kind: 'signal' }), caller)).input?.payloads?.[0])).toBe(true)
    const terminated = terminateRequest(asked(single({ kind: 'terminate' }), caller))
    expect(isEncoded(terminated.details?.payloads?.[0])).toBe(true)
  })

  test('what it throws is told apart from a request that cannot be sent', () => {
    const broken = {
      ...CALLER,
      encode: () => {
        throw new Error('no keys')
      },
    }
    expect(() => startRequest(asked(single(), broken))).toThrow(EncodeError)
  })
})
