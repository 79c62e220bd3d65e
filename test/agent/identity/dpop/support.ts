import { createHash, randomUUID } from 'node:crypto'
import { createDpopVerifier, type DpopOptions, type DpopVerifier } from '../../../../agent/identity/dpop/verifier.ts'
import type { Evidence } from '../../../../agent/identity/evidence.ts'
import { type Identity, identityOf } from '../../../../agent/identity/identity.ts'
import { thumbprintOf, type PublicJwk } from '../../../../agent/identity/jwk.ts'
import { evidenceOf } from '../support/evidence.ts'
import { rawToken, type TestKey } from '../support/tokens.ts'

export const NOW_S = 1_700_000_000
export const TOKEN = 'header.payload.signature'
export const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('base64url')

export function verifierOf(options: Partial<DpopOptions> = {}): DpopVerifier {
  return createDpopVerifier({ now: () => NOW_S * 1000, ...options })
}

/** Members that make the key, as a proof carries it. */
export function publicJwk(key: TestKey): PublicJwk {
  const { kid: _kid, alg: _alg, use: _use, ...members } = key.jwk
  return members as unknown as PublicJwk
}

export interface ProofChanges {
  readonly header?: object
  readonly claims?: object
}

/** A proof for `GET https://api.example.com/orders` with {@link TOKEN}; changes of undefined take a member out. */
export function proofOf(key: TestKey, { header = {}, claims = {} }: ProofChanges = {}): string {
  return rawToken(
    key,
    JSON.stringify({ typ: 'dpop+jwt', alg: key.alg, jwk: publicJwk(key), ...header }),
    JSON.stringify({
      jti: randomUUID(),
      htm: 'GET',
      htu: 'https://api.example.com/orders',
      iat: NOW_S,
      ath: sha256(TOKEN),
      ...claims,
    }),
  )
}

export function requestWith(proof: string | undefined, changes: Partial<Evidence> = {}, count = 1): Evidence {
  return evidenceOf({
    requestId: randomUUID(),
    host: 'api.example.com',
    path: '/orders',
    authorization: `DPoP ${TOKEN}`,
    headers: new Map(proof === undefined ? [] : [['dpop', { value: proof, count }]]),
    ...changes,
  })
}

/** Who {@link TOKEN} says is calling, bound to what is given. */
export function callerOf(confirmation: Identity['confirmation'], token = TOKEN): Identity {
  return identityOf({
    provider: 'main',
    method: 'jwt',
    issuer: 'https://issuer.example.com',
    subject: 'alice',
    digest: sha256(token),
    confirmation,
  })
}

export function boundTo(key: TestKey): Identity {
  return callerOf({ jkt: thumbprintOf(publicJwk(key)) })
}
