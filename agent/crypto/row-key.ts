import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { KEY_BYTES, type RingKey } from './key-ring.ts'

/** Bytes of a salt. */
export const SALT_BYTES = 16

const INFO = 'haproxy-temporal outbox row 1'

/**
 * The key of rows under one salt: HKDF-SHA-256 of a key of the ring. Another salt, another key, so that nonces may be
 * counted from zero under each; and what rows use up of a key is nothing to payloads.
 */
export function rowKey({ secret }: RingKey, salt: Uint8Array): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, salt, INFO, KEY_BYTES)))
}
