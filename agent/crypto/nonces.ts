import { randomFillSync } from 'node:crypto'

/** Bytes of a nonce of AES-GCM. */
export const NONCE_BYTES = 12

const POOL = Buffer.alloc(NONCE_BYTES * 256)
let next = POOL.length

/**
 * Writes a random nonce to the start of `target`. Out of a pool, since a call of the system's generator costs more than a
 * small encryption; each byte of the pool is used once. Each thread has a pool of its own.
 */
export function writeNonce(target: Buffer): void {
  if (next === POOL.length) {
    randomFillSync(POOL)
    next = 0
  }
  POOL.copy(target, 0, next, next + NONCE_BYTES)
  next += NONCE_BYTES
}
