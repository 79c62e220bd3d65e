import type { Evidence } from '../evidence.ts'
import type { Identity } from '../identity.ts'
import type { DenyReason } from '../reasons.ts'
import { SteadyClock } from '../steady-clock.ts'
import { equalText } from './equal-text.ts'
import { NonceClock, type NonceSecret } from './nonce.ts'
import { parseProof, type Proof } from './proof.ts'
import { ProofKeys, thumbprintIn } from './proof-key.ts'
import { replayLimits, type ReplayLimits, ReplayStore } from './replay-store.ts'
import { normalUrl, requestUrl } from './target.ts'

export interface DpopOptions {
  /** Scheme, authority and perhaps a path before ours, as clients see them; without it the request's own scheme and Host. */
  readonly publicBaseUrl?: string
  /** Whether a proof needs a nonce of ours (RFC 9449 section 9); default false. */
  readonly nonce?: boolean
  /** Shared by all agent processes behind one address; without one each has its own. */
  readonly nonceSecret?: NonceSecret
  /** Milliseconds that `iat` may lie before or after now; default 300 000. */
  readonly maxAgeMs?: number
  readonly replayLimits?: Partial<ReplayLimits>
  /** The proofs seen so far, where this provider was there before; `replayLimits` are its own. */
  readonly replays?: ReplayStore
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds that only move forward; those of the process when absent. */
  readonly monotonicMs?: () => number
}

/** Proofs of possession of the key that a token is bound to (RFC 9449). One per provider. */
export interface DpopVerifier {
  /**
   * Judges the proof of a request that carries the token of `identity`, and remembers it: with another request it is a
   * replay from then on. Synchronous, never throws.
   */
  verify(identity: Identity, evidence: Evidence): DenyReason | undefined
  /** For the header DPoP-Nonce; undefined where the provider wants no nonces. */
  currentNonce(): string | undefined
  /** Read at scrape. */
  readonly counters: DpopCounters
}

/** Proofs remembered now, and those refused since the start: seen before, no room at all, no room for their key. */
export interface DpopCounters {
  readonly remembered: number
  readonly replayed: number
  readonly full: number
  readonly busy: number
}

const MAX_AGE_MS = 300_000

export function createDpopVerifier(options: DpopOptions): DpopVerifier {
  return new Verifier(options)
}

class Verifier implements DpopVerifier {
  readonly #options: DpopOptions
  readonly #publicBaseUrl: string
  readonly #maxAgeMs: number
  readonly #nonces: NonceClock | undefined
  readonly #replays: ReplayStore
  /** By which proofs are forgotten. */
  readonly #steady: SteadyClock
  readonly #keys = new ProofKeys()

  constructor(options: DpopOptions) {
    this.#options = options
    this.#publicBaseUrl = (options.publicBaseUrl ?? '').replace(/\/+$/, '')
    this.#maxAgeMs = options.maxAgeMs ?? MAX_AGE_MS
    this.#nonces = options.nonce === true ? new NonceClock(options.nonceSecret, options.now) : undefined
    const { now, monotonicMs = () => performance.now() } = options
    this.#steady = new SteadyClock({ now, monotonicMs }, 2 * this.#maxAgeMs)
    this.#replays = options.replays ?? new ReplayStore({ ...replayLimits, ...options.replayLimits })
  }

  get counters(): DpopCounters {
    return { remembered: this.#replays.size, ...this.#replays.refused }
  }

  currentNonce(): string | undefined {
    return this.#nonces?.current()
  }

  verify(identity: Identity, evidence: Evidence): DenyReason | undefined {
    const field = evidence.headers.get('dpop')
    if (field === undefined || field.value === '') return 'dpop_missing'
    if (field.count > 1) return 'dpop_invalid'
    const proof = parseProof(field.value)
    if (proof === undefined) return 'dpop_invalid'
    const nowMs = this.#options.now()
    // The key first, the signature last: only whoever shows a token bound to this very key costs us a verification.
    const thumbprint = thumbprintIn(proof)
    const jkt = identity.confirmation?.jkt
    if (thumbprint === undefined || jkt === undefined || !equalText(thumbprint, jkt)) return 'dpop_invalid'
    if (!this.#concerns(proof, identity, evidence) || !this.#isOfNow(proof, nowMs)) return 'dpop_invalid'
    if (!this.#keys.verifies(proof, thumbprint)) return 'dpop_invalid'
    if (this.#nonces !== undefined && (proof.nonce === undefined || !this.#nonces.accepts(proof.nonce))) {
      return 'dpop_nonce_required'
    }
    return this.#remember(proof, thumbprint, evidence.requestId)
  }

  /** Whether the proof was made for this request and this token. */
  #concerns(proof: Proof, identity: Identity, evidence: Evidence): boolean {
    if (proof.htm !== evidence.method) return false
    if (proof.ath === undefined || !equalText(proof.ath, identity.digest)) return false
    const asked = requestUrl(evidence, this.#publicBaseUrl)
    return asked !== undefined && normalUrl(proof.htu) === asked
  }

  #isOfNow({ iat, exp, nbf }: Proof, nowMs: number): boolean {
    if (Math.abs(nowMs - iat * 1000) > this.#maxAgeMs) return false
    if (exp !== undefined && exp * 1000 <= nowMs) return false
    return nbf === undefined || nbf * 1000 <= nowMs + this.#maxAgeMs
  }

  #remember({ jti, iat }: Proof, thumbprint: string, request: string): DenyReason | undefined {
    const seen = { thumbprint, jti, request, untilMs: iat * 1000 + this.#maxAgeMs }
    switch (this.#replays.remember(seen, this.#steady.now())) {
      case 'new':
        return undefined
      case 'replayed':
        return 'dpop_replayed'
      case 'busy':
        return 'rate_limited'
      case 'full':
        return 'overload'
    }
  }
}
