import { judgeClaims } from './claims.ts'
import type { ProviderConfig } from './config.ts'
import type { AuthResult, KeyAge } from './identity.ts'
import type { VerificationKey } from './jwk.ts'
import type { KeyManager } from './keys.ts'
import { denied, type DenyReason } from './reasons.ts'
import { isQuick, verifySignature } from './signature.ts'
import type { StrictJwt } from './strict-jwt.ts'
import { twinDigest } from './token-digest.ts'

/** A judgement, and what it rests on when the token is genuine. */
export interface Verdict {
  readonly result: AuthResult
  readonly keyId: string
  /** `nbf` claim, seconds since the epoch; 0 without one. */
  readonly notBeforeS: number
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
 * @param digest of the token, from `tokenDigest`
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
  if (typeof found !== 'string') return verifyWith(token, digest, found, provider, keys, options)
  const fetching = keys.awaitMissing(found)
  if (fetching === undefined) return refused(found)
  if (!options.mayWait) return refused('overload')
  return fetching.then(() => {
    const afterwards = keys.find(token.kid, token.alg)
    return typeof afterwards === 'string'
      ? refused(afterwards)
      : verifyWith(token, digest, afterwards, provider, keys, options)
  })
}

/** Tries one candidate after the other; goes on synchronously as long as the checks are synchronous. */
function verifyWith(
  token: StrictJwt,
  digest: string,
  candidates: readonly VerificationKey[],
  provider: ProviderConfig,
  keys: KeyAge,
  options: VerifyOptions,
): Verdict | Promise<Verdict> {
  for (let i = 0; i < candidates.length; i++) {
    const key = candidates[i] as VerificationKey
    if (!options.mayWait && !isQuick(token.alg, key)) return refused('overload')
    const valid = verifySignature(token, key)
    if (valid === true) return judged(token, digest, key, provider, keys, options.now())
    if (valid === false) continue
    return valid.then((late) =>
      late
        ? judged(token, digest, key, provider, keys, options.now())
        : verifyWith(token, digest, candidates.slice(i + 1), provider, keys, options),
    )
  }
  return refused('signature_invalid')
}

function judged(
  token: StrictJwt,
  digest: string,
  key: VerificationKey,
  provider: ProviderConfig,
  keys: KeyAge,
  nowMs: number,
): Verdict {
  const identity = judgeClaims(token, digest, provider, nowMs / 1000, twinDigest(token), keys)
  if (typeof identity === 'string') return refused(identity)
  const nbf = token.payload['nbf']
  return {
    result: { ok: true, identity },
    keyId: key.id,
    notBeforeS: typeof nbf === 'number' ? nbf : 0,
  }
}

function refused(reason: DenyReason): Verdict {
  return { result: denied(reason), keyId: '', notBeforeS: 0 }
}
