import type { WorkflowConfig } from '../config/workflow.ts'
import { actionOf, type ActionKey } from '../config/workflow-keys.ts'
import type { ActionKind, SearchType, WorkflowAction } from '../dispatch/command.ts'
import type { Expression, Wanted } from './cel.ts'
import type { RuleContext } from './compile-context.ts'
import { compileOverBudget } from './compile-over-budget.ts'
import type { CompiledCall, CompiledShape, CompiledWorkflow } from './rule.ts'

const KINDS: Readonly<Record<ActionKey, ActionKind>> = {
  start: 'start',
  signal: 'signal',
  signalWithStart: 'signal',
  signalTo: 'signal',
  meter: 'meter',
  window: 'window',
  cancel: 'cancel',
  terminate: 'terminate',
}

/** Actions whose value is an expression that gives the id of a workflow. */
type AimedAction = 'signalTo' | 'cancel' | 'terminate'
const AIMED: ReadonlySet<ActionKey> = new Set<AimedAction>(['signalTo', 'cancel', 'terminate'])

/** How often `wait` fits into the longest wait of a debounce that names none. */
const DEFAULT_MAX_WAITS = 10

/** The action of a rule, and the expressions around it. */
export function compileWorkflow(context: RuleContext): CompiledWorkflow | undefined {
  const { rule, compile } = context
  const { workflow } = rule
  if (workflow === undefined) return undefined
  if (workflow.keyAs === 'pseudonym' && compile.config.actor.pseudonyms === undefined) {
    context.refuse('CONFIG_MISSING', ['workflow', 'keyAs'], '"keyAs: pseudonym" needs "actor.pseudonyms"')
  }
  const action = actionOf(workflow)
  const made = actionObject(rule.name, action, workflow)
  const text = (key: 'key' | 'id' | 'idempotencyKey' | AimedAction): Expression | undefined => {
    const source = workflow[key]
    return source === undefined ? undefined : context.expression(source, ['workflow', key], 'string')
  }
  const keyExpression = text('key')
  return {
    action: made,
    type: workflow.type ?? rule.name,
    query: workflow.query,
    keyAs: workflow.keyAs,
    keyExpression,
    idExpression: isAimed(action) ? text(action) : text('id'),
    idempotencyKey: text('idempotencyKey'),
    data: context.expressions(workflow.data, ['workflow', 'data']),
    call: compileCall(context, workflow),
    sample: workflow.sample,
    budget: workflow.budget && workflow.budget.actions / workflow.budget.per,
    overBudget: compileOverBudget(context, made, keyExpression),
    shards: workflow.shards ?? 1,
    everyMs: workflow.every ?? 0,
    maxKeys: workflow.maxKeys,
    onUnstored: workflow.onUnstored ?? 'deny',
  }
}

function isAimed(action: ActionKey): action is AimedAction {
  return AIMED.has(action)
}

/** Holds what the file gives and nothing else: what is absent has the default that the dispatcher documents. */
function actionObject(rule: string, action: ActionKey, workflow: WorkflowConfig): WorkflowAction {
  const { taskQueue, delivery, worth, namespace, signalName, idReuse, idConflict, priority, maxAge } = workflow
  const { timeouts, batch, debounce, throttle, rateLimit } = workflow
  return {
    kind: KINDS[action],
    rule,
    workflowType: isAimed(action) ? '' : (workflow[action] ?? ''),
    taskQueue,
    delivery,
    ...(worth !== undefined && { worth }),
    ...(namespace !== undefined && { namespace }),
    ...(signalName !== undefined && { signalName }),
    ...(idReuse !== undefined && { idReuse }),
    ...(idConflict !== undefined && { idConflict }),
    ...(timeouts !== undefined && { timeouts: timeoutsOf(timeouts) }),
    ...(priority !== undefined && { priority }),
    ...(batch !== undefined && {
      batch: { maxRecords: batch.records, maxDelayMs: batch.delay, maxBytes: batch.bytes },
    }),
    ...(maxAge !== undefined && { maxAgeMs: maxAge }),
    ...(debounce !== undefined && {
      debounce: { waitMs: debounce.wait, maxWaitMs: debounce.max ?? debounce.wait * DEFAULT_MAX_WAITS },
    }),
    ...(throttle !== undefined && { throttle: paceOf(throttle) }),
    ...(rateLimit !== undefined && { rateLimit: paceOf(rateLimit) }),
  }
}

function timeoutsOf({
  execution,
  run,
  task,
}: NonNullable<WorkflowConfig['timeouts']>): NonNullable<WorkflowAction['timeouts']> {
  return {
    ...(execution !== undefined && { executionMs: execution }),
    ...(run !== undefined && { runMs: run }),
    ...(task !== undefined && { taskMs: task }),
  }
}

function paceOf({ rate }: NonNullable<WorkflowConfig['throttle']>): { count: number; perMs: number } {
  return { count: rate.count, perMs: rate.periodMs }
}

function compileCall(context: RuleContext, workflow: WorkflowConfig): CompiledCall | undefined {
  const { memo, searchAttributes, reason, startDelay } = workflow
  const shape = compileShape(context, workflow)
  const isEmpty = Object.keys(memo).length === 0 && Object.keys(searchAttributes).length === 0
  if (isEmpty && reason === undefined && startDelay === undefined && shape === undefined) return undefined
  return {
    memo: context.expressions(memo, ['workflow', 'memo']),
    searchAttributes: Object.entries(searchAttributes).flatMap(([name, { type, value: source }]) => {
      const value = context.expression(source, ['workflow', 'searchAttributes', name, 'value'], WANTED[type])
      return value === undefined ? [] : [{ name, type, value }]
    }),
    reason: reason === undefined ? undefined : context.expression(reason, ['workflow', 'reason'], 'string'),
    startDelayMs: startDelay,
    shape,
  }
}

const WANTED: Readonly<Record<SearchType, Wanted>> = {
  Keyword: 'string',
  Text: 'string',
  Int: 'int',
  Double: 'double',
  Bool: 'bool',
}

/** Undefined where every key is what the store takes by itself: the workflow id. */
function compileShape(context: RuleContext, workflow: WorkflowConfig): CompiledShape | undefined {
  const { debounce, throttle, rateLimit } = workflow
  const key = (part: 'debounce' | 'throttle' | 'rateLimit'): Expression | undefined => {
    const source = workflow[part]?.key
    return source === undefined ? undefined : context.expression(source, ['workflow', part, 'key'], 'string')
  }
  const isDefault = throttle === undefined && rateLimit === undefined && debounce?.key === undefined
  if (isDefault) return undefined
  return { debounce: key('debounce'), throttle: key('throttle'), rateLimit: key('rateLimit') }
}
