import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { sha256, TOKEN } from './support.ts'

export { calculateJwkThumbprint }

/** A proof as a client with jose makes it. */
export async function generateProof(claims: {
  readonly htm: string
  readonly htu: string
  readonly iat: number
}): Promise<{ readonly proof: string; readonly jkt: string }> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  const proof = await new SignJWT({ ...claims, ath: sha256(TOKEN) })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
    .setJti(crypto.randomUUID())
    .sign(privateKey)
  return { proof, jkt: await calculateJwkThumbprint(jwk) }
}
