import { TAG_BYTES } from './aes-gcm.ts'
import { NONCE_BYTES } from './nonces.ts'
import { SALT_BYTES } from './row-key.ts'

/** The first byte of a row. */
const VERSION = 1
const COUNTER_BYTES = 4
/** Seals under one salt: what the counter can tell apart. */
export const MAX_COUNT = 2 ** 32

/**
 * What stands before the cipher text of a row: version (1), length of the key's id (1), the id, salt (16), counter (4).
 * The nonce is eight bytes of zero and the counter.
 */
export interface RowHead {
  readonly keyId: string
  readonly salt: Buffer
  readonly nonce: Buffer
  /** The head itself. */
  readonly bytes: Buffer
  /** Cipher text and tag. */
  readonly sealed: Buffer
}

/** Heads that differ in their counters only. */
export function headTemplate(keyId: string, salt: Uint8Array): Buffer {
  const id = Buffer.from(keyId)
  return Buffer.concat([Buffer.of(VERSION, id.length), id, salt, Buffer.alloc(COUNTER_BYTES)])
}

export function setCounter(head: Buffer, nonce: Buffer, count: number): void {
  head.writeUInt32BE(count, head.length - COUNTER_BYTES)
  nonce.writeUInt32BE(count, NONCE_BYTES - COUNTER_BYTES)
}

/** The parts of a row, as views of it; undefined for what is none. */
export function splitRow(row: Uint8Array): RowHead | undefined {
  const bytes = Buffer.from(row.buffer, row.byteOffset, row.byteLength)
  const idEnd = 2 + (bytes[1] ?? 0)
  const saltEnd = idEnd + SALT_BYTES
  const end = saltEnd + COUNTER_BYTES
  if (bytes[0] !== VERSION || bytes.length < end + TAG_BYTES) return undefined
  const nonce = Buffer.alloc(NONCE_BYTES)
  bytes.copy(nonce, NONCE_BYTES - COUNTER_BYTES, saltEnd, end)
  return {
    keyId: bytes.toString('latin1', 2, idEnd),
    salt: bytes.subarray(idEnd, saltEnd),
    nonce,
    bytes: bytes.subarray(0, end),
    sealed: bytes.subarray(end),
  }
}
