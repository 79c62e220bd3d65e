/**
 * What the agent sends to workflows and what workflows rely on: types and constants only, no imports. Workflow code
 * loads this file into its sandbox, and histories hold these shapes for months, so fields are added, never renamed.
 */

/** Temporal header and memo key that carry the {@link Actor}, for everyone to read. It proves nothing. */
export const ACTOR_KEY = 'actor'

/** Temporal header key of the signed actor envelope: a compact JWS. Workflows hand it on and cannot judge it. */
export const ENVELOPE_KEY = 'actor-envelope'

/** Temporal header key under which workflow code tells activities where an envelope came in: an {@link Origin}. */
export const ORIGIN_KEY = 'actor-origin'

/** Who called, as the agent verified it. A snapshot for attribution, never a live permission. */
export interface Actor {
  readonly v: 1
  /** How the identity was proven. `anonymous`: the rule asked for none, or went on without one. */
  readonly type: 'anonymous' | 'jwt' | 'introspection' | 'certificate' | 'aws' | 'api_key' | 'webhook' | 'forward_auth'
  /** Name of the provider in agent.yaml. */
  readonly provider?: string
  /** `iss` claim. */
  readonly issuer?: string
  /** `sub` claim, or its pseudonym: `actor.fields` of agent.yaml. */
  readonly subject?: string
  readonly tenant?: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  /** HAProxy's unique-id of the request. */
  readonly requestId: string
  readonly rule: string
  /** Pseudonym of provider and subject: the search attribute ActorId, and what `haproxy-temporal actor-id` prints. */
  readonly id?: string
  /** `jti` claim, id of an API key, serial number of a certificate. */
  readonly credentialId?: string
  /** Keyed hash of the credential: tells credentials apart and gives none away. */
  readonly credential?: string
  /** `sid` claim, or its pseudonym. */
  readonly session?: string
  /** Milliseconds since the epoch: when the credential was issued. */
  readonly issuedAt?: number
  /** Milliseconds since the epoch: when the credential ends; absent when it never does. */
  readonly expiresAt?: number
  readonly decision?: ActorDecision
  /** Told by a verified envelope only: the workflow that the agent called, */
  readonly workflowId?: string
  /** its namespace, */
  readonly namespace?: string
  /** and who signed. */
  readonly agent?: SigningAgent
}

/** What the agent decided when it let the request through. */
export interface ActorDecision {
  readonly rule: string
  /** The identity could not be checked, and the rule lets such requests through. */
  readonly failOpen: boolean
}

/** The agent that signed an envelope. */
export interface SigningAgent {
  /** Its identity in Temporal. */
  readonly id: string
  readonly version: string
}

/** Where an envelope came in. Written by our workflow interceptor for activities and children, never by the agent. */
export interface Origin {
  /** Milliseconds since the epoch at which the workflow started or the signal was handled: Temporal's clock. */
  readonly at: number
  /** Ids of parent workflows, nearest first: an envelope may be bound to one of them. */
  readonly ancestors: readonly string[]
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
  /** What the rule's `workflow.data` computed; absent where it has none. */
  readonly data?: Readonly<Record<string, string | number | boolean>>
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

/** Records that were stored together and always travel together, in their order. */
export interface MeterChunk {
  readonly id: string
  /** How many of the batch's records are its. */
  readonly records: number
}

/**
 * Metered requests of one key. Chunks may arrive again in another batch, after a crash: the workflow deduplicates by
 * chunk id, and by record id what HAProxy sent to two agents.
 */
export interface MeterBatch {
  readonly rule: string
  readonly key: string
  readonly records: readonly MeterRecord[]
  /** One after the other they make up the records; absent in histories of releases that had none. */
  readonly chunks?: readonly MeterChunk[]
}

/** Signal of window workflows, one {@link WindowSummary} each. */
export const WINDOW_SIGNAL = 'window'

/** What the requests of one key came to in one interval, as one agent saw their outcomes. */
export interface WindowSummary {
  /** `<rule>/<key>/<start>/<agent>`: the same window of the same agent always has the same id. */
  readonly id: string
  readonly rule: string
  readonly key: string
  /** Milliseconds since the epoch; `to` is not part of it. */
  readonly from: number
  readonly to: number
  /** Which agent: several may see requests of one key. */
  readonly agent: string
  /**
   * The summary is of requests whose events are beyond the budget of their rule, and of no others. In `begun` are also
   * those that the rule refuses.
   */
  readonly overBudget?: boolean
  /**
   * Requests that were let through in the interval; absent in summaries that do not tell. HAProxy sends no outcome of what
   * no server answered (503 and 504 of its own), so over several intervals they are what `requests` lacks of these.
   */
  readonly begun?: number
  /** Requests whose outcome came in the interval. */
  readonly requests: number
  /** By class: `1xx` to `5xx`, and `none` where no response came. */
  readonly statuses: Readonly<Record<string, number>>
  /** Requests answered with 5xx, or not at all. */
  readonly errors: number
  /** Bytes of response bodies; 0 where HAProxy does not send them. */
  readonly bytes: number
  /** Milliseconds from the decision to the response; percentiles are upper bounds, exact to 4 %. */
  readonly latencyMs: {
    readonly count: number
    readonly sum: number
    readonly min: number
    readonly max: number
    readonly p50: number
    readonly p90: number
    readonly p99: number
    readonly p999: number
  }
  /** Counts of the log-linear histogram behind the percentiles, by upper bound in milliseconds: they can be added up. */
  readonly histogram: readonly (readonly [upToMs: number, count: number])[]
  /** The same counts by server, for comparisons of versions: at most 64 servers, the rest under `(other)`. */
  readonly servers: Readonly<
    Record<string, { readonly requests: number; readonly errors: number; readonly latencyMsSum: number }>
  >
}

/** First argument of an entity workflow (`usageMeter`, `auditTrail`); `state` is what continue-as-new hands over. */
export interface EntityInput<State = unknown> {
  readonly rule: string
  readonly key: string
  readonly state?: State
}
