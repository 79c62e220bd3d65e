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
