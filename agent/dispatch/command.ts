import type { EdgeEvent, MeterRecord, WindowSummary } from '../messages.ts'

/**
 * What may be lost: `memory` events die with the process, `durable` ones are on disk within milliseconds, `strict` ones
 * before the request is answered.
 */
export type Delivery = 'memory' | 'durable' | 'strict'

/**
 * `start`: one workflow per event. `signal`: one signal per event, to a workflow that is started if need be. `meter`: the
 * same in batches. `window`: one signal per key and interval, of what the requests of that key came to. `cancel`,
 * `terminate`: ends a workflow that runs.
 */
export type ActionKind = 'start' | 'signal' | 'meter' | 'window' | 'cancel' | 'terminate'

/** What goes first when there is no room: `low` at 70 % of a bound, `normal` at 90 %, `high` at the bound itself. */
export type Worth = 'low' | 'normal' | 'high'

/** When a batch of metered records goes out, whichever comes first. */
export interface BatchLimits {
  readonly maxRecords: number
  /** Milliseconds after the first record. */
  readonly maxDelayMs: number
  /** Bytes of the serialised records; far below Temporal's 2 MB limit and its warning at 512 KB. */
  readonly maxBytes: number
}

/** So many events in so long a time, for each key. */
export interface Pace {
  readonly count: number
  readonly perMs: number
}

/** Of several events of one key only the last is delivered, once it has been quiet for a while. */
export interface Debounce {
  /** Milliseconds without another event. */
  readonly waitMs: number
  /** Milliseconds after the first event at which the last one goes out however many follow. */
  readonly maxWaitMs: number
}

/** What a rule's `workflow` section compiles to: everything about the call that does not depend on the request. */
export interface WorkflowAction {
  readonly kind: ActionKind
  readonly rule: string
  /** Empty for `cancel` and `terminate`, and for a `signal` that starts nothing. */
  readonly workflowType: string
  readonly taskQueue: string
  readonly delivery: Delivery
  /** Default: `high` for `meter` and `strict`, else `normal`. */
  readonly worth?: Worth
  /** Default: that of `temporal` in agent.yaml. */
  readonly namespace?: string
  /** Of `signal`, `meter` and `window`; default: that of the shipped workflows. */
  readonly signalName?: string
  /** Default: `reject_duplicate` for `start`, `allow_duplicate` for the others. */
  readonly idReuse?: 'allow_duplicate' | 'allow_duplicate_failed_only' | 'reject_duplicate'
  /** Default: `fail` for `start`, `use_existing` for the others. */
  readonly idConflict?: 'fail' | 'use_existing' | 'terminate_existing'
  /** Timeouts of the workflow in milliseconds; the server's own where absent. */
  readonly timeouts?: { readonly executionMs?: number; readonly runMs?: number; readonly taskMs?: number }
  /** Temporal's priority key, 1 (first) to 5. */
  readonly priority?: number
  /** Of `meter`. */
  readonly batch?: BatchLimits
  /** Milliseconds after which an event that Temporal still does not have goes to the dead letters; default: never. */
  readonly maxAgeMs?: number
  readonly debounce?: Debounce
  /** Events beyond it wait for their turn. */
  readonly throttle?: Pace
  /** Events beyond it are dropped, and counted as such. */
  readonly rateLimit?: Pace
}

export type SearchType = 'Keyword' | 'Text' | 'Int' | 'Double' | 'Bool'
export type PlainValue = string | number | boolean

/** What of a call depends on the request, beside ids and body. All of it may be absent. */
export interface CallOptions {
  readonly memo?: Readonly<Record<string, PlainValue>>
  readonly searchAttributes?: Readonly<Record<string, { readonly type: SearchType; readonly value: PlainValue }>>
  /** Milliseconds until the workflow's first task. */
  readonly startDelayMs?: number
  /** Of `cancel` and `terminate`: what the history says of why. */
  readonly reason?: string
  /** Key of `debounce`, `throttle` and `rateLimit`; default: the workflow id. */
  readonly shapeKey?: string
}

/** What reaches the workflow: of `meter` a record, of `window` a summary, of all others the event. */
export type Body = EdgeEvent | MeterRecord | WindowSummary

/**
 * One piece of work for Temporal, self-contained so that it survives a restart under another configuration.
 * `workflowId`: for `start` it is the event id; for `signal`, `meter` and `window` it comes from rule and key.
 */
export interface Command {
  /** The same object for every command of a rule. */
  readonly action: WorkflowAction
  /** Event id. */
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly workflowId: string
  /** Entity key; empty for `start`, `cancel` and `terminate`. */
  readonly key: string
  /** Whose turn it is: events of different tenants are delivered in turns, and Temporal's fairness key is made of it. */
  readonly tenant: string
  readonly body: Body
  readonly call?: CallOptions
}
