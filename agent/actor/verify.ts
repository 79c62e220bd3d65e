import { isObject, type JsonObject } from '../identity/plain-json.ts'
import { verifySignature } from '../identity/signature.ts'
import { mediaType, parseStrict, type StrictJwt } from '../identity/strict-jwt.ts'
import { actorOfClaims, ENVELOPE_ALGORITHMS, ENVELOPE_TYPE, ENVELOPE_VERSION, type EnvelopeClaims } from './envelope.ts'
import type { EnvelopePlace, EnvelopeRefusal, EnvelopeResult } from './proof.ts'
import type { VerificationKeys } from './verification-keys.ts'

/** Milliseconds by which the clocks of the agent and of Temporal may differ. */
const LEEWAY_MS = 60_000

/** Characters: several times what the largest actor makes. */
const MAX_LENGTH = 256 * 1024

/**
 * Judges an envelope: form, key, signature, then what it is bound to. It is judged by when it came in and not by now,
 * because a workflow may run for months after its caller was proven. Never rejects.
 */
export async function verifyEnvelope(
  envelope: string,
  keys: VerificationKeys,
  place: EnvelopePlace,
): Promise<EnvelopeResult> {
  if (envelope.length > MAX_LENGTH) return refused('malformed')
  const token = parseStrict(envelope)
  if (!token.ok) return refused(token.reason === 'alg_not_allowed' ? 'alg_not_allowed' : 'malformed')
  if (!ENVELOPE_ALGORITHMS.some((alg) => alg === token.alg)) return refused('alg_not_allowed')
  if (token.typ === undefined || mediaType(token.typ) !== ENVELOPE_TYPE) return refused('malformed')
  const signature = await checkSignature(token, keys)
  if (signature !== undefined) return refused(signature)
  if (!isClaims(token.payload)) return refused('malformed')
  const { aud, wid, exp } = token.payload
  if (aud !== place.namespace) return refused('other_namespace')
  if (!place.workflowIds.includes(wid)) return refused('other_workflow')
  // Turned round, so that a time that is no number counts as too late.
  if (!(place.arrivedAt <= exp * 1000 + LEEWAY_MS)) return refused('expired')
  return { ok: true, actor: actorOfClaims(token.payload) }
}

async function checkSignature(token: StrictJwt, keys: VerificationKeys): Promise<EnvelopeRefusal | undefined> {
  if (token.kid === undefined) return 'malformed'
  let key = keys.find(token.kid, token.alg)
  if (key === 'unknown_key' || key === 'keys_unavailable') {
    await keys.refresh()
    key = keys.find(token.kid, token.alg)
  }
  if (typeof key === 'string') return key
  return (await verifySignature(token, key)) ? undefined : 'bad_signature'
}

function refused(reason: EnvelopeRefusal): EnvelopeResult {
  return { ok: false, reason }
}

/** What is signed was made by an agent of ours; still, a later version may mean other things by the same names. */
function isClaims(payload: JsonObject): payload is JsonObject & EnvelopeClaims {
  const { v, iss, ver, aud, wid, evt, iat, exp, actor } = payload as Partial<Record<keyof EnvelopeClaims, unknown>>
  return (
    v === ENVELOPE_VERSION &&
    [iss, ver, aud, wid, evt].every((text) => typeof text === 'string') &&
    Number.isFinite(iat) &&
    Number.isFinite(exp) &&
    isObject(actor) &&
    actor['v'] === 1 &&
    typeof actor['type'] === 'string' &&
    Array.isArray(actor['roles']) &&
    Array.isArray(actor['scopes'])
  )
}
