import { formatDuration } from '../config/duration.ts'
import type { RuleConfig } from '../config/rules.ts'
import type { Command, Pace } from '../dispatch/command.ts'
import { partOfKey, type ShapePart } from '../dispatch/shape/keys.ts'
import { toCommand, windowKey } from '../event.ts'
import type { Facts } from '../rules/cel.ts'
import type { CompiledRule, CompiledWindow, CompiledWorkflow } from '../rules/rule.ts'
import { windowWorkflowId } from '../windows/windows.ts'
import type { Explained } from './explanation.ts'
import { readsSecret } from './expression-values.ts'
import { digestOf } from './secrets.ts'

export interface ExplainedWorkflow {
  readonly kind: string
  /** Empty where nothing is started. */
  readonly workflowType: string
  readonly workflowId: string
  /** Empty for `window`, which makes no event of one request. */
  readonly eventId: string
  readonly taskQueue: string
  readonly delivery: string
  /** Share of the requests that make an event. */
  readonly sample: number
  /** Sampling leaves this one out: nothing is started. */
  readonly sampledOut: boolean
  readonly key: string
  readonly data: Readonly<Record<string, unknown>>
  readonly memo: Readonly<Record<string, unknown>>
  readonly searchAttributes: Readonly<Record<string, unknown>>
  /** What may hold the event back or drop it, and by which key. */
  readonly shape: Readonly<Partial<Record<ShapePart, string>>>
  /** What the rule may cost, and what becomes of its requests beyond it; undefined where it may cost anything. */
  readonly budget: string | undefined
}

/** What is handed to Temporal, or would be if sampling took it. */
export function workflowOf(
  explained: Explained,
  rule: CompiledRule,
  config: RuleConfig,
  facts: Facts,
): ExplainedWorkflow | undefined {
  const { answer, secrets, actors } = explained
  const { workflow } = rule
  const { sampledOut, decision } = answer
  if (workflow === undefined) return undefined
  if (workflow.action.kind === 'window') {
    if (!decision.allow) return undefined
    const key = windowKey(workflow, facts, actors)
    const workflowId = windowWorkflowId(rule.name, key, false)
    return secrets.cleanAll(shown(explained, workflow, config, { workflowId, key }, facts))
  }
  if (answer.command === undefined && !sampledOut) return undefined
  // What is left out is told all the same: why it was depends on its id.
  const context = { actors, failOpen: decision.reason === 'fail_open' }
  const command = answer.command ?? toCommand(workflow, facts, decision.identity, {}, context)
  return secrets.cleanAll(shown(explained, workflow, config, command, facts))
}

type Told = Pick<Command, 'workflowId' | 'key'> & Partial<Pick<Command, 'id' | 'body' | 'call'>>

function shown(
  { answer, secrets, actors }: Explained,
  workflow: CompiledWorkflow,
  { workflow: config }: RuleConfig,
  { workflowId, key, id = '', body, call }: Told,
  facts: Facts,
): ExplainedWorkflow {
  const { action, sample } = workflow
  const named = readsSecret(workflowIdSources(config), secrets)
  const plain = <T>(source: string | undefined, value: T): T | string =>
    source !== undefined && readsSecret(source, secrets) ? digestOf(String(value)) : value
  const values = (
    record: Readonly<Record<string, unknown>> | undefined,
    sources: (name: string) => string | undefined,
  ) => Object.fromEntries(Object.entries({ ...record }).map(([name, value]) => [name, plain(sources(name), value)]))
  const attributes = Object.entries({ ...call?.searchAttributes }).map(([name, { value }]) => [name, value] as const)
  return {
    kind: action.kind,
    workflowType: action.workflowType,
    taskQueue: action.taskQueue,
    delivery: action.delivery,
    sample,
    sampledOut: answer.sampledOut,
    workflowId: named ? digestOf(workflowId) : workflowId,
    eventId: named ? digestOf(id) : id,
    key: named ? digestOf(key) : key,
    data: values(body !== undefined && 'data' in body ? body.data : undefined, (name) => config?.data[name]),
    memo: values(call?.memo, (name) => config?.memo[name]),
    searchAttributes: values(Object.fromEntries(attributes), (name) => config?.searchAttributes[name]?.value),
    shape: shapeOf(workflow, call?.shapeKey ?? workflowId, (part, text) =>
      String(plain(config?.[part]?.key ?? workflowIdSources(config), text)),
    ),
    budget: budgetOf(config, workflow, (then) => {
      const window = windowKey({ keyAs: workflow.keyAs, keyExpression: then.keyExpression }, facts, actors)
      return String(plain(overBudgetKey(config), windowWorkflowId(action.rule, window, true)))
    }),
  }
}

/** The expressions that ids of events and workflows come from. */
export function workflowIdSources(config: RuleConfig['workflow']): string {
  const { key, idempotencyKey, id, signalTo, cancel, terminate } = config ?? {}
  return [key, idempotencyKey, id, signalTo, cancel, terminate].filter((source) => source !== undefined).join(' + ')
}

/** The expression by which requests beyond a budget are told apart. */
function overBudgetKey(config: RuleConfig['workflow']): string | undefined {
  const then = config?.budget?.then
  return (typeof then === 'object' ? then.key : undefined) ?? config?.key
}

function budgetOf(
  config: RuleConfig['workflow'],
  { overBudget }: CompiledWorkflow,
  windowId: (then: CompiledWindow) => string,
): string | undefined {
  if (config?.budget === undefined) return undefined
  const { actions, per } = config.budget
  const limit = `${actions} actions for ${per} requests`
  if (overBudget === undefined) return `${limit}, those beyond it are sampled out`
  const { action, everyMs } = overBudget
  const every = formatDuration(everyMs)
  return `${limit}, those beyond it are counted for ${action.workflowType} ${windowId(overBudget)} every ${every}`
}

function shapeOf(
  { action }: CompiledWorkflow,
  shapeKey: string,
  plain: (part: ShapePart, text: string) => string,
): ExplainedWorkflow['shape'] {
  const { debounce, throttle, rateLimit } = action
  const told = (part: ShapePart, what: string): string => {
    const key = partOfKey(action, shapeKey, part)
    return `${what}, ${key === '' ? 'all events of the rule together' : `key ${JSON.stringify(plain(part, key))}`}`
  }
  const rate = ({ count, perMs }: Pace): string => `${count}/${formatDuration(perMs)}`
  return {
    ...(rateLimit !== undefined && { rateLimit: told('rateLimit', rate(rateLimit)) }),
    ...(debounce !== undefined && {
      debounce: told(
        'debounce',
        `${formatDuration(debounce.waitMs)} of quiet, ${formatDuration(debounce.maxWaitMs)} at most`,
      ),
    }),
    ...(throttle !== undefined && { throttle: told('throttle', rate(throttle)) }),
  }
}
