import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Bytes of randomness: nobody guesses 256 bits, not even with the hash in hand. */
const SECRET_BYTES = 32

/** 62^43 is just above 2^256, 62^6 above 2^32. */
const SECRET_LENGTH = 43
const CHECKSUM_LENGTH = 6

/** Begins every key when agent.yaml says nothing else. */
export const DEFAULT_PREFIX = 'ht'

/** What may begin a key. */
export const PREFIX_PATTERN = /^[a-z][a-z0-9_]{0,23}$/

/** An id within a key; ids in a file of keys from elsewhere may also hold dots and underscores. */
export const KEY_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/

/**
 *     <prefix>_<id>_<secret>_<checksum>      ; ht_billing-7f3a_0oPz…43…_1x9QaB
 *
 * The secret is 32 random bytes as 43 digits of base 62, the checksum is the CRC-32 of all before the last `_` as 6 of
 * them. So a secret scanner finds a key in source code by its form and tells it from a look-alike, a double click selects
 * it whole, and a key that was cut off when it was copied is told from one that is unknown.
 */
export function formatKey(prefix: string, id: string, secret: Uint8Array = randomBytes(SECRET_BYTES)): string {
  const body = `${prefix}_${id}_${base62(BigInt(`0x${Buffer.from(secret).toString('hex')}`), SECRET_LENGTH)}`
  return `${body}_${checksum(body)}`
}

/** Whether a text is a key of this prefix, whole and well copied; whether it is a known one is another question. */
export function keyFormat(prefix: string): (text: string) => boolean {
  const form = new RegExp(`^${prefix}_[A-Za-z0-9][A-Za-z0-9-]{0,63}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$`)
  return (text) => form.test(text) && checksum(text.slice(0, -CHECKSUM_LENGTH - 1)) === text.slice(-CHECKSUM_LENGTH)
}

/** An id for a key that was not given one: 10 characters, for people to tell keys apart, not to keep secret. */
export function newKeyId(): string {
  return base62(BigInt(`0x${randomBytes(7).toString('hex')}`), 10).toLowerCase()
}

function checksum(body: string): string {
  return base62(BigInt(crc32(body)), CHECKSUM_LENGTH)
}

function base62(value: bigint, length: number): string {
  let text = ''
  for (let rest = value; rest > 0n; rest /= 62n) text = `${ALPHABET[Number(rest % 62n)]}${text}`
  return text.padStart(length, '0')
}
