import { z } from 'zod'
import { BATCH_LIMITS } from '../dispatch/store/incoming.ts'
import { ACTOR_KEY } from '../messages.ts'
import { budget, refuseBudget } from './budget.ts'
import { cel, expression } from './expression.ts'
import { duration, refuse, text, variable } from './fields.ts'
import { rate } from './limit.ts'
import { every, maxKeys, workflowType } from './window-fields.ts'
import { ACTIONS, type ActionKey, isGiven, USES } from './workflow-keys.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND
const DAY = 24 * HOUR

const idOf = (what: string): z.ZodString =>
  cel(`the id of the workflow that is ${what}. An id that callers choose must hold who they are`)

/** A name that Temporal shows. */
const shownName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/, {
  message: 'expected a name: a letter, then letters, digits, "_", "." and "-", 64 at most',
})

export const SEARCH_TYPES = ['Keyword', 'Text', 'Int', 'Double', 'Bool'] as const

const searchAttribute = z.union([
  expression.transform((value) => ({ type: 'Keyword' as const, value })),
  z.strictObject({
    type: z.enum(SEARCH_TYPES).describe('Type under which the namespace knows it'),
    value: cel('its value, of that type'),
  }),
])

const timeouts = z
  .strictObject({
    execution: duration(SECOND, 3650 * DAY)
      .describe('For the workflow with all its runs')
      .optional(),
    run: duration(SECOND, 3650 * DAY)
      .describe('For one run of it')
      .optional(),
    task: duration(SECOND, 120 * SECOND)
      .describe(
        'For a worker to take one step, 10s without it; more only where workers are busy for long: it is also how long work of a worker that died waits',
      )
      .optional(),
  })
  .superRefine(({ execution, run }, ctx) => {
    if (execution === undefined || run === undefined || run <= execution) return
    refuse(ctx, 'CONFIG_CONFLICT', '"run" is longer than "execution", which is for all runs together')
  })
  .describe("Times after which Temporal ends the workflow; default: the namespace's")

const batch = z
  .strictObject({
    records: z.int().min(1).max(10_000).default(BATCH_LIMITS.maxRecords).describe('Requests in a batch, at most'),
    delay: duration(1, HOUR / 6)
      .default(BATCH_LIMITS.maxDelayMs)
      .describe('How long the first request of a batch waits for others'),
    bytes: z
      .int()
      .min(1024)
      .max(1_000_000)
      .default(BATCH_LIMITS.maxBytes)
      .describe('Bytes of the records, at most; Temporal warns above 512 KB and refuses above 2 MB'),
  })
  .describe('When a batch goes out: whichever comes first')

const debounce = z
  .strictObject({
    wait: duration(10, 7 * DAY).describe('How long no other event of the key must come'),
    max: duration(10, 30 * DAY)
      .describe('After so long the last event goes out although others follow; default: ten times "wait"')
      .optional(),
    key: cel('what tells events apart of which only the last counts, a string; default: the workflow id').optional(),
  })
  .superRefine(({ wait, max }, ctx) => {
    if (max !== undefined && max < wait) refuse(ctx, 'CONFIG_CONFLICT', '"max" is shorter than "wait"')
  })
  .describe('Of several events of one key only the last is delivered; the others count as coalesced')

const pace = (what: string): z.ZodType<{ rate: { count: number; periodMs: number }; key?: string | undefined }> =>
  z
    .strictObject({
      rate: rate.describe('Events and the time they are for: 10/1s. So many may come at once, then evenly'),
      key: cel('whose events are counted together, a string; default: all events of the rule').optional(),
    })
    .describe(what)

const section = z.strictObject({
  start: workflowType.describe('Workflow type: one workflow for each request; its id is the event id').optional(),
  signal: workflowType
    .describe('Workflow type: signals the one workflow of this key, and starts it if need be')
    .optional(),
  signalWithStart: workflowType.describe('The same as "signal"').optional(),
  signalTo: idOf('signalled, with "signalName"; where none runs the event becomes a dead letter').optional(),
  meter: workflowType
    .describe('Workflow type: like signal, in batches, for requests too many to signal one by one')
    .optional(),
  window: workflowType
    .describe('Workflow type: like signal, with one summary for each interval: counts, errors and latency of responses')
    .optional(),
  cancel: idOf('asked to end').optional(),
  terminate: idOf('ended at once').optional(),
  key: cel('the entity key of signal, meter and window, a string: the workflow id is <rule>/<key>').optional(),
  keyAs: z
    .enum(['plain', 'pseudonym'])
    .default('plain')
    .describe('pseudonym: a keyed hash stands in workflow ids instead of the key'),
  id: cel(
    'the workflow id of start or signal, instead of the one that the agent makes. All rules and all users of the ' +
      'namespace share ids: begin with a name of your own, and add who called where callers choose the rest',
  ).optional(),
  signalName: shownName
    .describe('Name of the signal; default: event for signal, batch for meter, window for window')
    .optional(),
  every: every.optional(),
  maxKeys: maxKeys.optional(),
  reason: cel('why, for the history of the workflow that is cancelled or terminated, a string').optional(),
  idempotencyKey: cel(
    'a string: requests with the same one are one event, however often they come; default is the unique-id of HAProxy. ' +
      'A key that callers choose must hold who they are, or one swallows the events of another',
  ).optional(),
  data: z
    .record(variable, expression)
    .default({})
    .describe('What the event carries beside request and caller: name to CEL expression'),
  query: z
    .boolean()
    .default(false)
    .describe('Whether events carry the query string; off because queries hold credentials too often'),
  type: text
    .max(200)
    .describe('Request type in the event: which activity runs; default is the name of the rule')
    .optional(),
  sample: z
    .number({ message: 'expected a share between 0 and 1' })
    .gt(0, { message: 'expected a share above 0' })
    .max(1, { message: 'expected a share of at most 1' })
    .default(1)
    .describe('Share of the requests that make an event, by the event id; the others are counted as sampled out'),
  taskQueue: text.max(200).default('edge').describe('Task queue of Temporal'),
  namespace: text.max(200).describe('Namespace of Temporal; default: that of "temporal"').optional(),
  delivery: z
    .enum(['memory', 'durable', 'strict'])
    .default('memory')
    .describe('memory: lost with the process; durable: on disk at once, behind the answer; strict: on disk before it'),
  onUnstored: z
    .enum(['deny', 'allow'])
    .describe(
      'Of strict, when the event is not on disk in time; deny: 503 event_not_stored, the default; allow: let in',
    )
    .optional(),
  worth: z
    .enum(['low', 'normal', 'high'])
    .describe('What is shed first when there is no room; default: high for meter and strict, else normal')
    .optional(),
  maxAge: duration(SECOND, 365 * DAY)
    .describe('An event that Temporal does not have by then becomes a dead letter; default: it is tried for ever')
    .optional(),
  idReuse: z
    .enum(['allow_duplicate', 'allow_duplicate_failed_only', 'reject_duplicate'])
    .describe('Where a closed workflow has the id; default: reject_duplicate for start, else allow_duplicate')
    .optional(),
  idConflict: z
    .enum(['fail', 'use_existing', 'terminate_existing'])
    .describe('Where one that runs has the id; default: fail for start (a duplicate), else use_existing')
    .optional(),
  timeouts: timeouts.optional(),
  memo: z.record(shownName, expression).default({}).describe('Memo of the workflow: name to CEL expression'),
  searchAttributes: z
    .record(shownName, searchAttribute)
    .default({})
    .describe('Search attributes of the workflow by name: an expression for a Keyword, or { type, value }'),
  priority: z.int().min(1).max(5).describe('Priority of its tasks in Temporal, 1 first').optional(),
  startDelay: duration(1, 30 * DAY)
    .describe('How long a started workflow waits before its first step')
    .optional(),
  batch: batch.optional(),
  shards: z
    .int()
    .min(2)
    .max(256)
    .describe('Spreads each key of "meter" over so many workflows <rule>/<key>/<n>, for keys with too many requests')
    .optional(),
  debounce: debounce.optional(),
  throttle: pace('How many events go to Temporal; those beyond it wait for their turn').optional(),
  rateLimit: pace('How many events are taken; those beyond it are dropped, and counted as rate limited').optional(),
  budget: budget.optional(),
})

/** `workflow` of a rule: one action, and what goes with it. */
export const workflow = section
  .superRefine((value, ctx) => {
    const named = ACTIONS.filter((action) => value[action] !== undefined)
    const [action] = named
    if (action === undefined || named.length > 1) {
      const all = ACTIONS.map((one) => `"${one}"`).join(', ')
      refuse(ctx, 'CONFIG_CONFLICT', `expected exactly one of ${all}`)
      return
    }
    refuseStrayKeys(action, value, ctx)
    refuseMissingKeys(action, value, ctx)
    refuseConflicts(action, value, ctx)
    refuseBudget(value, ctx)
  })
  .describe('What becomes of the request in Temporal, behind the answer')

export type WorkflowConfig = z.output<typeof section>

function refuseStrayKeys(action: ActionKey, value: WorkflowConfig, ctx: z.RefinementCtx): void {
  for (const [key, use] of Object.entries(USES)) {
    if (use.by.includes(action) || !isGiven(value, key)) continue
    refuse(ctx, 'CONFIG_CONFLICT', `"${action}" takes no "${key}": ${use.instead?.[action] ?? use.why}`)
  }
}

function refuseMissingKeys(action: ActionKey, value: WorkflowConfig, ctx: z.RefinementCtx): void {
  const { key, id, signalName, every, debounce: quiet } = value
  const isKeyed = action === 'signal' || action === 'signalWithStart' || action === 'meter' || action === 'window'
  if (isKeyed && key === undefined && id === undefined) {
    refuse(
      ctx,
      'CONFIG_MISSING',
      `"${action}" needs a "key": which workflow the event belongs to, for example identity.tenant`,
    )
  }
  if (action === 'signalTo' && signalName === undefined) {
    refuse(ctx, 'CONFIG_MISSING', '"signalTo" needs a "signalName": the one that the workflow listens to')
  }
  if (action === 'window' && every === undefined) {
    refuse(ctx, 'CONFIG_MISSING', '"window" needs "every": how long an interval is')
  }
  if (action === 'start' && quiet !== undefined && quiet.key === undefined && id === undefined) {
    refuse(ctx, 'CONFIG_MISSING', 'debounce of "start" needs a "key": each request has a workflow of its own', [
      'debounce',
    ])
  }
}

/** Set by the agent, and by Temporal itself. */
const OWN_ATTRIBUTES = ['ActorId', 'ActorType', 'Tenant']
const SYSTEM_ATTRIBUTES =
  /^(?:Temporal|(?:WorkflowId|RunId|WorkflowType|StartTime|CloseTime|ExecutionTime|ExecutionStatus|ExecutionDuration|TaskQueue|HistoryLength|HistorySizeBytes|StateTransitionCount|ParentWorkflowId|ParentRunId|RootWorkflowId|RootRunId|BuildIds|BinaryChecksums|BatcherUser|BatcherNamespace)$)/

function refuseConflicts(action: ActionKey, value: WorkflowConfig, ctx: z.RefinementCtx): void {
  const { delivery, onUnstored, idConflict, idReuse = defaultReuse(action), memo, searchAttributes } = value
  if (delivery === 'strict' && action === 'window') {
    refuse(ctx, 'CONFIG_CONFLICT', '"strict" is for events of a request: a summary is made long after the answer', [
      'delivery',
    ])
  }
  if (onUnstored !== undefined && delivery !== 'strict') {
    refuse(ctx, 'CONFIG_CONFLICT', '"onUnstored" needs "delivery: strict": other events are never waited for')
  }
  if (idConflict === 'fail' && action !== 'start') {
    refuse(ctx, 'CONFIG_CONFLICT', '"fail" is for "start": a signal goes to the workflow that runs', ['idConflict'])
  }
  if (idConflict === 'terminate_existing' && idReuse === 'reject_duplicate') {
    refuse(
      ctx,
      'CONFIG_CONFLICT',
      '"idConflict" needs "idReuse: allow_duplicate": the workflow that it ends had the id',
    )
  }
  if (Object.hasOwn(memo, ACTOR_KEY)) {
    refuse(ctx, 'CONFIG_CONFLICT', `"${ACTOR_KEY}" is set by the agent itself`, ['memo'])
  }
  for (const name of Object.keys(searchAttributes)) {
    const by = OWN_ATTRIBUTES.includes(name) ? 'the agent' : SYSTEM_ATTRIBUTES.test(name) ? 'Temporal' : undefined
    if (by !== undefined) refuse(ctx, 'CONFIG_CONFLICT', `"${name}" is set by ${by} itself`, ['searchAttributes'])
  }
}

function defaultReuse(action: ActionKey): NonNullable<WorkflowConfig['idReuse']> {
  return action === 'start' ? 'reject_duplicate' : 'allow_duplicate'
}
