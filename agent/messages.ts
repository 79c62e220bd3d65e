/**
 * What the agent sends to workflows and what workflows rely on: types and constants only, no imports. Workflow code
 * loads this file into its sandbox, and histories hold these shapes for months, so fields are added, never renamed.
 */

/** Temporal header and memo key that carry the {@link Actor}. */
export const ACTOR_KEY = 'actor'

/** Who called, as the agent verified it. A snapshot for attribution, never a live permission. */
export interface Actor {
  readonly v: 1
  /** `jwt`: proven by a signed token. `anonymous`: the rule asked for no identity. */
  readonly type: 'jwt' | 'anonymous'
  /** Name of the provider in agent.yaml. */
  readonly provider?: string
  /** `iss` claim. */
  readonly issuer?: string
  /** `sub` claim. */
  readonly subject?: string
  readonly tenant?: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  /** HAProxy's unique-id of the request. */
  readonly requestId: string
  readonly rule: string
}

/** The request as HAProxy described it. Strings hold the bytes of the request as latin1, so they are never lossy. */
export interface RequestFacts {
  /** HAProxy's unique-id. */
  readonly id: string
  readonly method: string
  readonly host: string
  readonly path: string
  /** Without the `?`; empty when there is none, and unless the rule asks for it: queries hold credentials too often. */
  readonly query: string
  /** Client address, IPv4-mapped IPv6 written as IPv4. */
  readonly source: string
}

/** One request that a rule turned into durable work. */
export interface EdgeEvent {
  /** `<rule>/<unique-id>`: the same request always has the same event id. */
  readonly id: string
  /** Request type, which chooses the activity code: the rule's name unless the rule says otherwise. */
  readonly type: string
  readonly rule: string
  /** Milliseconds since the epoch, the agent's clock. */
  readonly at: number
  readonly request: RequestFacts
  readonly actor: Actor
  /** What the rule's `set` computed. */
  readonly vars: Readonly<Record<string, string | number | boolean>>
}

/** Signal of the `auditTrail` workflow, one {@link EdgeEvent} each. */
export const EVENT_SIGNAL = 'event'

/** Signal of the `usageMeter` workflow, one {@link MeterBatch} each. */
export const BATCH_SIGNAL = 'batch'

/** One metered request, small because hundreds travel in a signal. */
export interface MeterRecord {
  /** Event id. */
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly method: string
  readonly path: string
  readonly subject?: string
}

/** Metered requests of one key. Records may arrive again in another batch: the workflow deduplicates by record id. */
export interface MeterBatch {
  readonly rule: string
  readonly key: string
  readonly records: readonly MeterRecord[]
}

/** First argument of an entity workflow (`usageMeter`, `auditTrail`); `state` is what continue-as-new hands over. */
export interface EntityInput<State = unknown> {
  readonly rule: string
  readonly key: string
  readonly state?: State
}
