import { msToTs } from '@temporalio/common/lib/time.js'
import proto from '@temporalio/proto'
import { BATCH_SIGNAL, EVENT_SIGNAL, WINDOW_SIGNAL } from '../../messages.ts'
import type { ActionKind, BatchLimits, WorkflowAction } from '../command.ts'
import { BATCH_LIMITS } from '../store/incoming.ts'
import type { Caller } from './caller.ts'

const { WorkflowIdReusePolicy: REUSE, WorkflowIdConflictPolicy: CONFLICT } = proto.temporal.api.enums.v1

const REUSES = {
  allow_duplicate: REUSE.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
  allow_duplicate_failed_only: REUSE.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
  reject_duplicate: REUSE.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
} as const

const CONFLICTS = {
  fail: CONFLICT.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
  use_existing: CONFLICT.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
  terminate_existing: CONFLICT.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING,
} as const

/** An action as the ship thread uses it: what can be worked out once is. */
export interface ShipAction {
  readonly kind: ActionKind
  readonly rule: string
  readonly namespace: string
  readonly signalName: string
  /** Whether calls may start the workflow. */
  readonly starts: boolean
  /** Which jobs share lanes: those of one workflow id in one group keep their order. */
  readonly laneGroup: string
  readonly batch: BatchLimits
  readonly maxAgeMs: number | undefined
  readonly priority: number | undefined
  /** Of the requests that start a workflow, all that is the same in each. */
  readonly target: ReturnType<typeof targetOf>
}

/** Works an action out. */
export function shipActionOf(action: WorkflowAction, caller: Caller): ShipAction {
  const { kind, rule, workflowType, maxAgeMs, priority, batch = BATCH_LIMITS } = action
  const namespace = action.namespace ?? caller.namespace
  return {
    kind,
    rule,
    namespace,
    signalName: action.signalName ?? signalOf(kind),
    starts: workflowType !== '' && kind !== 'cancel' && kind !== 'terminate',
    laneGroup: laneGroupOf(action),
    batch,
    maxAgeMs,
    priority,
    target: targetOf(action, namespace, caller.identity),
  }
}

function signalOf(kind: ActionKind): string {
  if (kind === 'meter') return BATCH_SIGNAL
  return kind === 'window' ? WINDOW_SIGNAL : EVENT_SIGNAL
}

/**
 * What is asked of one workflow is in order whichever rule it comes from: a cancel that came before its start would find
 * nothing to do, and the workflow would run all the same. That holds for starts without an id of their own too, as who
 * knows the id of a request can name its workflow. Metered records are merged, so only those go together that make up the
 * same call: after a reload the same id may stand for another type or queue.
 */
function laneGroupOf(action: WorkflowAction): string {
  if (action.kind !== 'meter') return 'ordered'
  const { delivery: _, worth: __, debounce: ___, throttle: ____, rateLimit: _____, ...call } = action
  return JSON.stringify(call)
}

function targetOf(action: WorkflowAction, namespace: string, identity: string) {
  const { workflowType, taskQueue, timeouts = {} } = action
  const starts = action.kind === 'start'
  const { executionMs, runMs, taskMs } = timeouts
  return {
    namespace,
    identity,
    workflowType: { name: workflowType },
    taskQueue: { name: taskQueue },
    workflowIdReusePolicy: REUSES[action.idReuse ?? (starts ? 'reject_duplicate' : 'allow_duplicate')],
    workflowIdConflictPolicy: CONFLICTS[action.idConflict ?? (starts ? 'fail' : 'use_existing')],
    ...(executionMs !== undefined && { workflowExecutionTimeout: msToTs(executionMs) }),
    ...(runMs !== undefined && { workflowRunTimeout: msToTs(runMs) }),
    ...(taskMs !== undefined && { workflowTaskTimeout: msToTs(taskMs) }),
  }
}
