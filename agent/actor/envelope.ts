import type { Actor, SigningAgent } from '../messages.ts'

/** Header `typ` of an envelope: no other JWT of the same key passes for one (RFC 8725 section 3.11). */
export const ENVELOPE_TYPE = 'haproxy-temporal-actor+jwt'

/** Version of the claims. The actor inside has a version of its own. */
export const ENVELOPE_VERSION = 2

/** Signature algorithms of envelopes. Both take some tens of microseconds, to sign and to verify. */
export const ENVELOPE_ALGORITHMS = ['EdDSA', 'ES256'] as const
export type EnvelopeAlgorithm = (typeof ENVELOPE_ALGORITHMS)[number]

/** What is signed: who called, which workflow that call was for, and until when it may come in there. */
export interface EnvelopeClaims {
  readonly v: typeof ENVELOPE_VERSION
  /** Identity of the signing agent in Temporal; informative, the key is what counts. */
  readonly iss: string
  /** Version of the signing agent. */
  readonly ver: string
  /** Namespace. */
  readonly aud: string
  /** Seconds since the epoch. */
  readonly iat: number
  /** Seconds since the epoch: the workflow must have started, or handled the signal, by then. */
  readonly exp: number
  /** Workflow id. */
  readonly wid: string
  /** Event id. */
  readonly evt: string
  readonly actor: Actor
}

/** What an envelope is made for. */
export interface EnvelopeSubject {
  readonly namespace: string
  readonly workflowId: string
  readonly eventId: string
  readonly actor: Actor
}

/** The actor of an envelope that was verified, with what the envelope adds. */
export function actorOfClaims(claims: EnvelopeClaims): Actor {
  const agent: SigningAgent = { id: claims.iss, version: claims.ver }
  return { ...claims.actor, workflowId: claims.wid, namespace: claims.aud, agent }
}
