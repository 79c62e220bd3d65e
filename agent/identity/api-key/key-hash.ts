import { createHash, createHmac, hash } from 'node:crypto'

/** How a file of keys names the hash of one: SHA-256 of the whole key, or its HMAC with the pepper of agent.yaml. */
export type HashKind = 'sha256' | 'hmac-sha256'

/** `sha256:<64 hex digits>` or `hmac-sha256:<64 hex digits>`. */
export const HASH_PATTERN = /^(hmac-sha256|sha256):([0-9a-fA-F]{64})$/

/**
 * The digest by which a key is looked up, base64url.
 *
 * A fast hash is right here. bcrypt and its kind are slow in order to protect passwords, of which an attacker can try
 * the likely ones; of 2^256 keys none is likely. A slow hash would cost tens of milliseconds at every request, and would
 * have to be computed once for every entry, because salted hashes cannot be looked up.
 */
export function sha256(key: string): string {
  return hash('sha256', Buffer.from(key, 'latin1'), 'base64url')
}

/** Without the pepper nobody can test guesses against a file that got lost: for keys from elsewhere, shorter than ours. */
export function hmacSha256(key: string, pepper: string): string {
  return createHmac('sha256', pepper).update(key, 'latin1').digest('base64url')
}

/** A hash as the file of keys writes it. */
export function writtenHash(key: string, pepper: string | undefined): string {
  const bytes = Buffer.from(key, 'latin1')
  return pepper === undefined
    ? `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    : `hmac-sha256:${createHmac('sha256', pepper).update(bytes).digest('hex')}`
}

/** The digest of {@link sha256} or {@link hmacSha256} out of a hash that {@link HASH_PATTERN} has matched. */
export function digestOf(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64url')
}
