import type { Evidence } from './evidence.ts'
import type { AuthResult } from './identity.ts'
import type { ProviderStatus } from './keys.ts'
import type { CredentialLocation } from './location.ts'
import type { Kept } from './kept.ts'
import type { Log } from './log.ts'

/** What a scheme reads of a request beside its locations: `check` compares it with what spoe.conf sends. */
export interface EvidenceNeeds {
  /** Header fields in small letters. */
  readonly headers?: readonly string[]
  readonly certificate?: boolean
  readonly body?: boolean
}

/** What all schemes together read. */
export interface Needs {
  /** Header fields in small letters. */
  readonly headers: readonly string[]
  readonly certificate: boolean
  readonly body: boolean
  /** Header fields of the schemes that read the body: requests for them come in a message of their own. */
  readonly bodyHeaders: readonly string[]
}

/**
 * One way of proving who calls: a provider of agent.yaml at work. The authenticator reads the credential at one of its
 * locations, makes sure that there is only one, and asks the first scheme that recognises it.
 */
export interface Scheme {
  /** The provider's name in agent.yaml. */
  readonly name: string
  /** Where its credential may lie. */
  readonly locations: readonly CredentialLocation[]
  readonly needs?: EvidenceNeeds
  /**
   * Whether the credential is of this scheme's kind, by its form alone (three segments, a prefix). The first scheme of a
   * rule that says yes decides; nobody is asked after it. Cheap, synchronous, never throws.
   */
  recognises(credential: string): boolean
  /**
   * Judges a credential for this request. Synchronous where it can be (a cache hit always is). Never throws, never
   * rejects: what goes wrong inside is `internal_error` at worst. The result is frozen and may be shared.
   */
  authenticate(credential: string, evidence: Evidence): AuthResult | Promise<AuthResult>
  /** Begins background work (fetching, watching files); never fails. */
  start?(): void
  /** Whether it can judge credentials now; absent means always. */
  ready?(): boolean
  /**
   * Whether nobody at all could be proven now, because what it asks is down or its file was never read. Absent means never.
   * What one credential meets is no outage: whoever sends it could bring that about. So a server that is asked is away
   * only when several questions in a row found nobody, see `Meaning`, and one of our own did not either; whatever it
   * answers ends that.
   */
  isAway?(): boolean
  /** For `/status`, metrics and `doctor`, where it keeps keys or asks somebody. */
  status?(): ProviderStatus
  /** Ends timers, watches and requests under way. */
  close?(): void
}

/** What schemes share. */
export interface SchemeContext {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds that only move forward. */
  readonly monotonicMs: () => number
  readonly log: Log
  /** What outlives the configuration; absent where there is only one. */
  readonly kept?: Kept
}
