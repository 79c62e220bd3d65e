import { SpopError } from '../errors.ts'
import { MAX_VARINT_BYTES, writeVarint, writeVarint64 } from './varint.ts'

const INITIAL_BYTES = 256
const LATIN1 = /^[\u0000-\u00ff]*$/

/** A buffer that grows with what is written into it. For whole frames off the hot path; an ACK has ActionWriter. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** What was written so far. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  uint32(value: number): void {
    this.#reserve(4)
    this.#length = this.#bytes.writeUInt32BE(value, this.#length)
  }

  /** @param value an integer of 64 bits, as a number a safe one; a negative one is written as its two's complement */
  varint(value: number | bigint): void {
    this.#reserve(MAX_VARINT_BYTES)
    this.#length =
      typeof value === 'number' && value >= 0
        ? writeVarint(this.#bytes, this.#length, value)
        : writeVarint64(this.#bytes, this.#length, BigInt(value))
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** varint length, bytes */
  sized(bytes: Uint8Array): void {
    this.varint(bytes.length)
    this.raw(bytes)
  }

  /**
   * varint length, one byte per character
   * @param what names it in the error
   */
  latin1(text: string, what: string): void {
    if (!LATIN1.test(text)) throw new SpopError('ERR_SPOP_ENCODE', what, 'a character above U+00FF')
    this.sized(Buffer.from(text, 'latin1'))
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}
