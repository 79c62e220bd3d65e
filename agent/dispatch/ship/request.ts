import { msToTs } from '@temporalio/common/lib/time.js'
import type { temporal } from '@temporalio/proto'
import { ACTOR_KEY, ENVELOPE_KEY, type EdgeEvent, type EntityInput } from '../../messages.ts'
import { batchId, batchText } from './batch.ts'
import type { Caller } from './caller.ts'
import type { Job } from './job.ts'
import { encodedPayload, jsonPayload, type Payload } from './payloads.ts'

type SearchAttributes = temporal.api.common.v1.ISearchAttributes
type Priority = temporal.api.common.v1.IPriority
type StartRequest = temporal.api.workflowservice.v1.IStartWorkflowExecutionRequest
type SignalWithStartRequest = temporal.api.workflowservice.v1.ISignalWithStartWorkflowExecutionRequest
type SignalRequest = temporal.api.workflowservice.v1.ISignalWorkflowExecutionRequest
type CancelRequest = temporal.api.workflowservice.v1.IRequestCancelWorkflowExecutionRequest
type TerminateRequest = temporal.api.workflowservice.v1.ITerminateWorkflowExecutionRequest

/** What a request is made of. */
export interface Asked {
  readonly job: Job
  readonly caller: Caller
  /** See {@link eventOf}. */
  readonly event: EdgeEvent | undefined
  readonly searchAttributes?: SearchAttributes | undefined
}

/** Bytes of a fairness key at most; a longer one would have the call refused. */
const FAIRNESS_KEY_BYTES = 64

/** One workflow per event: its id and request id come from the event, so any repetition has one effect. */
export function startRequest({ job, caller, event, searchAttributes }: Asked): StartRequest {
  const { first } = job
  return {
    ...startOf(job, caller, event, searchAttributes),
    requestId: first.id,
    input: { payloads: [encodedPayload(first.body, caller)] },
  }
}

/** Signals the entity workflow of the job's key and starts it when it does not run. */
export function signalWithStartRequest({ job, caller, event, searchAttributes }: Asked): SignalWithStartRequest {
  const input: EntityInput = { rule: job.action.rule, key: job.first.key }
  return {
    ...startOf(job, caller, event, searchAttributes),
    requestId: requestIdOf(job),
    input: { payloads: [encodedPayload(JSON.stringify(input), caller)] },
    signalName: job.action.signalName,
    signalInput: { payloads: [signalPayload(job, caller)] },
  }
}

/** Signals a workflow that somebody else started. */
export function signalRequest({ job, caller, event }: Asked): SignalRequest {
  return {
    ...workflowOf(job, caller),
    requestId: requestIdOf(job),
    signalName: job.action.signalName,
    input: { payloads: [signalPayload(job, caller)] },
    ...(event !== undefined && { header: headerOf(job, caller, event) }),
  }
}

/** Asks a workflow to end. */
export function cancelRequest({ job, caller }: Asked): CancelRequest {
  return {
    ...workflowOf(job, caller),
    requestId: job.first.id,
    reason: reasonOf(job),
    ...chainFields(job),
  }
}

/** Ends a workflow. The event stands in its history: nobody else can tell who asked for it. */
export function terminateRequest({ job, caller }: Asked): TerminateRequest {
  return {
    ...workflowOf(job, caller),
    reason: reasonOf(job),
    ...chainFields(job),
    details: { payloads: [encodedPayload(job.first.body, caller)] },
  }
}

/** The workflow that a call is about, by its id, and who calls. */
function workflowOf({ action, first }: Job, { identity }: Caller) {
  return { namespace: action.namespace, identity, workflowExecution: { workflowId: first.workflowId } }
}

/** The event of a job; undefined for batches and windows, which have no single caller: their records name them. */
export function eventOf({ action: { kind }, first }: Job): EdgeEvent | undefined {
  return kind === 'start' || kind === 'signal' ? (JSON.parse(first.body) as EdgeEvent) : undefined
}

function startOf(
  job: Job,
  caller: Caller,
  event: EdgeEvent | undefined,
  searchAttributes: SearchAttributes | undefined,
) {
  const { action, first, call } = job
  const memo = memoOf(job, caller, event)
  const priority = priorityOf(action.priority, first.tenant)
  const { startDelayMs = 0 } = call
  return {
    ...action.target,
    workflowId: first.workflowId,
    ...(event !== undefined && { header: headerOf(job, caller, event) }),
    ...(memo !== undefined && { memo: { fields: memo } }),
    ...(searchAttributes !== undefined && { searchAttributes }),
    ...(priority !== undefined && { priority }),
    ...(startDelayMs > 0 && { workflowStartDelay: msToTs(startDelayMs) }),
  }
}

/** For workflow code. Only the header is ever trusted, and of that only the envelope. */
function headerOf({ action: { namespace }, first: { workflowId } }: Job, { signer }: Caller, event: EdgeEvent) {
  const { id: eventId, actor } = event
  const fields = { [ACTOR_KEY]: jsonPayload(JSON.stringify(actor)) }
  const envelope = signer?.sign({ namespace, workflowId, eventId, actor })
  return {
    fields: envelope === undefined ? fields : { ...fields, [ENVELOPE_KEY]: jsonPayload(JSON.stringify(envelope)) },
  }
}

/** For whoever looks at the list of workflows. */
function memoOf({ call: { memo } }: Job, caller: Caller, event: EdgeEvent | undefined) {
  if (memo === undefined && event === undefined) return undefined
  const fields: Record<string, Payload> = {}
  for (const [name, value] of Object.entries(memo ?? {})) fields[name] = encodedPayload(JSON.stringify(value), caller)
  if (event !== undefined) fields[ACTOR_KEY] = encodedPayload(JSON.stringify(event.actor), caller)
  return fields
}

function signalPayload({ action, first, parcels }: Job, caller: Caller): Payload {
  return encodedPayload(action.kind === 'meter' ? batchText(action.rule, first.key, parcels) : first.body, caller)
}

function requestIdOf({ action, first, parcels }: Job): string {
  return action.kind === 'meter' ? batchId(parcels) : first.id
}

function chainFields({ chain = '' }: Job) {
  return chain === '' ? {} : { firstExecutionRunId: chain }
}

function reasonOf({ action, call }: Job): string {
  return call.reason ?? `rule ${action.rule}`
}

/** Temporal divides the work of a task queue between fairness keys as the agent divides its calls between tenants. */
function priorityOf(priorityKey: number | undefined, tenant: string): Priority | undefined {
  if (priorityKey === undefined && tenant === '') return undefined
  return {
    ...(priorityKey !== undefined && { priorityKey }),
    ...(tenant !== '' && { fairnessKey: cut(tenant, FAIRNESS_KEY_BYTES) }),
  }
}

/** The text within so many bytes of UTF-8, never cut within a character. */
function cut(text: string, bytes: number): string {
  if (text.length * 3 <= bytes || Buffer.byteLength(text) <= bytes) return text
  let end = bytes
  const encoded = Buffer.from(text)
  while (end > 0 && ((encoded[end] ?? 0) & 0xc0) === 0x80) end--
  return encoded.toString('utf8', 0, end)
}
