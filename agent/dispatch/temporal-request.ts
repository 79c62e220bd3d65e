import { createHash } from 'node:crypto'
import proto from '@temporalio/proto'
import { searchAttributesOf } from '../actor/search-attributes.ts'
import type { Signer } from '../actor/signer.ts'
import { ACTOR_KEY, BATCH_SIGNAL, ENVELOPE_KEY, EVENT_SIGNAL, type EdgeEvent, type EntityInput } from '../messages.ts'
import type { Job } from './job.ts'

type StartRequest = proto.temporal.api.workflowservice.v1.IStartWorkflowExecutionRequest
type SignalRequest = proto.temporal.api.workflowservice.v1.ISignalWithStartWorkflowExecutionRequest
type Payload = proto.temporal.api.common.v1.IPayload

const { WorkflowIdReusePolicy, WorkflowIdConflictPolicy } = proto.temporal.api.enums.v1
const JSON_PLAIN = { encoding: Buffer.from('json/plain') }

/** Who calls, as Temporal is told. */
export interface Caller {
  readonly namespace: string
  readonly identity: string
  /** Signs who called. Without one, actors are unsigned. */
  readonly signer?: Pick<Signer, 'sign'>
  /** Whether starts carry search attributes of the caller. */
  readonly searchAttributes?: boolean
}

/** One workflow per event: its id and request id come from the event, so any repetition has one effect. */
export function startRequest(job: Job, caller: Caller): StartRequest {
  const { event } = firstCommand(job)
  return {
    ...target(job, caller),
    requestId: event.id,
    workflowIdReusePolicy: WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
    input: { payloads: [payload(event)] },
    ...attribution(job, event, caller),
    ...(caller.searchAttributes === true && { searchAttributes: searchAttributesOf(event.actor) }),
  }
}

/** Signals the entity workflow of the job's key and starts it when it does not run. */
export function signalRequest(job: Job, caller: Caller): SignalRequest {
  const input: EntityInput = { rule: job.action.rule, key: job.key }
  const { event } = firstCommand(job)
  const meter = job.action.kind === 'meter'
  return {
    ...target(job, caller),
    requestId: meter ? batchId(job) : event.id,
    workflowIdReusePolicy: WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
    input: { payloads: [payload(input)] },
    signalName: meter ? BATCH_SIGNAL : EVENT_SIGNAL,
    signalInput: { payloads: [meter ? batchPayload(job) : payload(event)] },
    // A batch has no single caller: its records name their subjects.
    ...(meter ? {} : attribution(job, event, caller)),
  }
}

/**
 * Request id of a batch: the same for the same records, another for any other set. First and last id would not do, as
 * a batch rebuilt after a crash may share both and differ in between, and the server would drop it as known.
 */
function batchId(job: Job): string {
  const hash = createHash('sha256')
  for (const { command } of job.entries) hash.update(command.event.id).update('\n')
  return `batch/${hash.digest('base64url')}`
}

function batchPayload(job: Job): Payload {
  const head = JSON.stringify({ rule: job.action.rule, key: job.key })
  return { metadata: JSON_PLAIN, data: Buffer.from(`${head.slice(0, -1)},"records":[${job.records.join(',')}]}`) }
}

function target(job: Job, caller: Caller) {
  return {
    namespace: caller.namespace,
    identity: caller.identity,
    workflowId: job.workflowId,
    workflowType: { name: job.action.workflowType },
    taskQueue: { name: job.action.taskQueue },
  }
}

/** Header for workflow code, memo for whoever looks at the list of workflows. Only the header is ever trusted. */
function attribution({ workflowId }: Job, { id: eventId, actor }: EdgeEvent, { namespace, signer }: Caller) {
  const fields = { [ACTOR_KEY]: payload(actor) }
  const envelope = signer?.sign({ namespace, workflowId, eventId, actor })
  return {
    header: { fields: envelope === undefined ? fields : { ...fields, [ENVELOPE_KEY]: payload(envelope) } },
    memo: { fields },
  }
}

function payload(value: object | string): Payload {
  return { metadata: JSON_PLAIN, data: Buffer.from(JSON.stringify(value)) }
}

function firstCommand(job: Job) {
  const [entry] = job.entries
  if (entry === undefined) throw new TypeError('a job has at least one entry')
  return entry.command
}
