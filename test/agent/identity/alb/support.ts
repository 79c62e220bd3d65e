import { createPublicKey } from 'node:crypto'
import { signBytes, testKey, type TestKey } from '../support/tokens.ts'

export const KID = '0b2b1ac0-7bf0-4d1c-8c4b-9c7a4b7dd5a1'

/** What a load balancer says of itself and of those whom it has signed in. */
export interface LoadBalancer {
  /** Its ARN. */
  readonly signer: string
  readonly client: string
  readonly issuer: string
  readonly key: TestKey
}

/** base64url with the padding that RFC 7515 forbids and load balancers write. */
export function padded(bytes: string | Buffer): string {
  const encoded = Buffer.from(bytes).toString('base64url')
  return encoded + '='.repeat((4 - (encoded.length % 4)) % 4)
}

/**
 * A token as a load balancer writes it; a member of `undefined` is left out.
 * @param seconds now, since the epoch: it lives two minutes
 */
export function albToken(from: LoadBalancer, seconds: number, header: object = {}, payload: object = {}): string {
  const { signer, client, issuer, key } = from
  const times = { exp: seconds + 120 }
  const head = { typ: 'JWT', kid: KID, alg: 'ES256', iss: issuer, client, signer, ...times, ...header }
  const body = { sub: 'user-1', email: 'a@example.com', iss: issuer, ...times, ...payload }
  const input = `${padded(JSON.stringify(head))}.${padded(JSON.stringify(body))}`
  return `${input}.${padded(signBytes('ES256', key.privateKey, input))}`
}

/** The public half, as the place of the keys gives it. */
export function pemOf(key: TestKey): string {
  return createPublicKey(key.privateKey).export({ type: 'spki', format: 'pem' }) as string
}

/** A key of its own, for {@link KID}. */
export function albKey(): TestKey {
  return testKey('ES256', KID)
}
