import { judgeClaims } from './claims.ts'
import type { ProviderConfig } from './config.ts'
import type { AuthResult } from './identity.ts'
import type { VerificationKey } from './jwk.ts'
import type { KeyManager } from './keys.ts'
import { denied, type DenyReason } from './reasons.ts'
import { isQuick, verifySignature } from './signature.ts'
import type { StrictJwt } from './strict-jwt.ts'
import { digestText } from './token-cache.ts'

/** A judgement, and the key it rests on when the token is genuine. */
export interface Verdict {
  readonly result: AuthResult
  readonly keyId: string
}

export interface VerifyOptions {
  /** Milliseconds since the epoch, asked again after every wait. */
  readonly now: () => number
  /** False when too many tokens wait already: what would have to wait is refused as `overload`. */
  readonly mayWait: boolean
}

/**
 * Verifies one well-formed token against its provider: algorithm, key, signature, then claims (RFC 7519 section 7.2).
 * Synchronous unless a key must be fetched or the signature is a slow one.
 */
export function verifyToken(
  token: StrictJwt,
  digest: string,
  provider: ProviderConfig,
  keys: KeyManager,
  options: VerifyOptions,
): Verdict | Promise<Verdict> {
  if (!provider.algorithms.includes(token.alg)) return refused('alg_not_allowed')
  const found = keys.find(token.kid, token.alg)
  if (typeof found !== 'string') return verifyWith(token, digest, found, 0, provider, options)
  const fetching = keys.awaitMissing(found)
  if (fetching === undefined) return refused(found)
  if (!options.mayWait) return refused('overload')
  return fetching.then(() => {
    const afterwards = keys.find(token.kid, token.alg)
    return typeof afterwards === 'string'
      ? refused(afterwards)
      : verifyWith(token, digest, afterwards, 0, provider, options)
  })
}

/** Tries the candidates from `index` on; goes on synchronously as long as the checks are synchronous. */
function verifyWith(
  token: StrictJwt,
  digest: string,
  candidates: readonly VerificationKey[],
  index: number,
  provider: ProviderConfig,
  options: VerifyOptions,
): Verdict | Promise<Verdict> {
  const key = candidates[index]
  if (key === undefined) return refused('signature_invalid')
  if (!options.mayWait && !isQuick(token.alg, key)) return refused('overload')
  const judge = (valid: boolean): Verdict | Promise<Verdict> =>
    valid
      ? judged(token, digest, key, provider, options.now())
      : verifyWith(token, digest, candidates, index + 1, provider, options)
  const valid = verifySignature(token, key)
  return typeof valid === 'boolean' ? judge(valid) : valid.then(judge)
}

function judged(
  token: StrictJwt,
  digest: string,
  key: VerificationKey,
  provider: ProviderConfig,
  nowMs: number,
): Verdict {
  const identity = judgeClaims(token, digestText(digest), provider, nowMs / 1000)
  if (typeof identity === 'string') return refused(identity)
  return { result: Object.freeze({ ok: true, identity }), keyId: key.id }
}

function refused(reason: DenyReason): Verdict {
  return { result: denied(reason), keyId: '' }
}
