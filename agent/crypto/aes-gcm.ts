import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'

const ALGORITHM = 'aes-256-gcm'

/** Bytes of an authentication tag: the whole of it. */
export const TAG_BYTES = 16

const OPTIONS = { authTagLength: TAG_BYTES }

/**
 * AES-256-GCM (NIST SP 800-38D).
 * @param head stands before the cipher text in what is returned
 * @param bound what the text is bound to, without being part of what is returned
 * @returns head, cipher text and tag
 */
export function encrypt(
  key: KeyObject,
  nonce: Uint8Array,
  plain: Uint8Array,
  head: Uint8Array,
  bound?: Uint8Array,
): Buffer {
  const cipher = createCipheriv(ALGORITHM, key, nonce, OPTIONS)
  if (bound !== undefined) cipher.setAAD(bound)
  const text = cipher.update(plain)
  // A stream cipher keeps nothing back: final only makes the tag.
  cipher.final()
  return Buffer.concat([head, text, cipher.getAuthTag()])
}

/**
 * @param sealed cipher text and tag
 * @returns undefined when key, nonce, text, tag and `bound` do not belong together
 */
export function decrypt(key: KeyObject, nonce: Uint8Array, sealed: Uint8Array, bound?: Uint8Array): Buffer | undefined {
  const end = sealed.length - TAG_BYTES
  if (end < 0) return undefined
  const decipher = createDecipheriv(ALGORITHM, key, nonce, OPTIONS)
  if (bound !== undefined) decipher.setAAD(bound)
  decipher.setAuthTag(sealed.subarray(end))
  const plain = decipher.update(sealed.subarray(0, end))
  try {
    decipher.final()
  } catch {
    return undefined
  }
  return plain
}
