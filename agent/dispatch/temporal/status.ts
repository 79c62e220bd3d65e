import type { TemporalState } from '../protocol.ts'

/** How one connection is: plain data, for metrics and the admin server. */
export interface ConnectionStatus {
  /** `(default)`, or the namespace that has an endpoint of its own. */
  readonly name: string
  /** `host:port`. */
  readonly address: string
  /** Namespaces that are reached by it, as far as they are known yet. */
  readonly namespaces: readonly string[]
  /** `unknown` before the first call; `unavailable` where the latest one got no answer, or a refusal of who we are. */
  readonly state: TemporalState
  /** Milliseconds since the epoch at which the client certificate in use ends; absent without one. */
  readonly certificateExpiresAt?: number
  /** Times that new credentials took the place of those in use. */
  readonly rotations: number
  /** Times that they could not: files that cannot be used, or a Temporal that did not take them; each try counts. */
  readonly failedRotations: number
  /** Why new credentials are not in use, or else why the latest call failed; absent while all is well. */
  readonly lastError?: string
}
