import type { SearchType, WorkflowAction } from '../dispatch/command.ts'
import type { Requirement } from '../identity/requirement.ts'
import type { Limiter } from '../limits/limiter.ts'
import type { Expression } from './cel.ts'
import type { Condition } from './conditions.ts'
import type { LinearRegex } from './regex.ts'
import type { PathPattern } from './path-pattern.ts'

/** What the index finds rules by; `undefined` matches everything. */
export interface StaticMatch {
  readonly methods: ReadonlySet<string> | undefined
  /** In small letters; `*.example.com` for every name below it. */
  readonly hosts: readonly string[] | undefined
  readonly paths: readonly PathPattern[] | undefined
}

/** What becomes of a request in Temporal: the call, and what of it is computed from the request. */
export interface CompiledWorkflow {
  /** The same object for every command of the rule. */
  readonly action: WorkflowAction
  /** Request type in the event: which activity code runs. */
  readonly type: string
  /** Whether events carry the query string. */
  readonly query: boolean
  /** How the entity key stands in workflow ids. */
  readonly keyAs: 'plain' | 'pseudonym'
  /** Entity key, for `signal`, `meter` and `window`. */
  readonly keyExpression: Expression | undefined
  /** Workflow id: instead of the one that rule and key or event give, or of the workflow that is meant. */
  readonly idExpression: Expression | undefined
  /** Gives what names the event instead of the request's id. */
  readonly idempotencyKey: Expression | undefined
  /** What events carry besides. */
  readonly data: readonly (readonly [name: string, value: Expression])[]
  /** Undefined where nothing of the call depends on the request. */
  readonly call: CompiledCall | undefined
  /** Share of the requests that make an event, above 0 and up to 1. */
  readonly sample: number
  /** Actions of Temporal that each request of the rule may cost on average; undefined: any number. */
  readonly budget: number | undefined
  /** What counts requests beyond the budget; undefined: nothing does, they are sampled out. */
  readonly overBudget: CompiledWindow | undefined
  /** Workflows among which the requests of one key are spread, for `meter`; 1 where they are not. */
  readonly shards: number
  /** Milliseconds of an interval, for `window`; 0 for all others. */
  readonly everyMs: number
  /** Keys of a `window` that are counted apart; undefined: its default. */
  readonly maxKeys: number | undefined
  /** Of `strict`: the answer when the event could not be stored in time. */
  readonly onUnstored: 'deny' | 'allow'
}

/** The windows in which a rule counts requests that its budget leaves without an event. */
export interface CompiledWindow {
  /** Of the kind `window`, beside the action of the rule. */
  readonly action: WorkflowAction
  readonly keyExpression: Expression | undefined
  /** Milliseconds of an interval. */
  readonly everyMs: number
  /** Keys that are counted apart; undefined: the default of windows. */
  readonly maxKeys: number | undefined
}

/** What makes the options of a call. */
export interface CompiledCall {
  readonly memo: readonly (readonly [name: string, value: Expression])[]
  readonly searchAttributes: readonly {
    readonly name: string
    readonly type: SearchType
    readonly value: Expression
  }[]
  readonly reason: Expression | undefined
  readonly startDelayMs: number | undefined
  readonly shape: CompiledShape | undefined
}

/** Keys of what holds events back; undefined where the rule gives none. */
export interface CompiledShape {
  readonly debounce: Expression | undefined
  readonly throttle: Expression | undefined
  readonly rateLimit: Expression | undefined
}

/** Who may call. */
export interface CallerRequirement {
  readonly requirement: Requirement
  /** Who shows no credential at all is let in as anonymous; an invalid one is refused all the same. */
  readonly optional: boolean
  /** While the provider is away, callers are let in unproven. */
  readonly failOpen: boolean
  /** Gives the URL that callers refused with 401 are sent to. */
  readonly redirect: Expression | undefined
}

export interface CompiledLimit {
  readonly key: Expression
  readonly limiter: Limiter
}

export interface CompiledRule {
  readonly name: string
  /** Position among all rules of the file, and index of its counters. */
  readonly index: number
  readonly on: 'request' | 'connection'
  /** Only counted: what it decides is nobody's answer. */
  readonly shadow: boolean
  readonly match: StaticMatch
  /** What must hold besides, the cheapest first. */
  readonly conditions: readonly Condition[]
  /** Found in the path; its groups are captures. */
  readonly pathRegex: LinearRegex | undefined
  /** Names that its path gives. */
  readonly captures: readonly string[]
  readonly when: Expression | undefined
  /** Whether `when` can be judged only once the caller is known. */
  readonly whenNeedsCaller: boolean
  /** Whether one of its expressions reads `verdict`. */
  readonly readsVerdict: boolean
  /** `undefined` asks for no identity. */
  readonly caller: CallerRequirement | undefined
  readonly scopes: readonly string[]
  /** All of them must allow the request. */
  readonly limits: readonly CompiledLimit[]
  /** Status, for a rule that denies. */
  readonly deny: number | undefined
  readonly redirect: { readonly to: Expression; readonly status: number } | undefined
  /** Text for clients that it refuses. */
  readonly message: string | undefined
  readonly set: readonly (readonly [name: string, value: Expression])[]
  readonly route: string | undefined
  /** Chooses the route among some backends; `route` where it gives none of them. */
  readonly routeBy: { readonly value: Expression; readonly among: ReadonlySet<string> } | undefined
  readonly workflow: CompiledWorkflow | undefined
}
