import type { Random } from './random.ts'
import type { StreamWriter } from './writer.ts'

const BYTES = [0x00, 0x01, 0x0a, 0x0f, 0x11, 0x67, 0x7f, 0x80, 0xef, 0xf0, 0xfe, 0xff]
const VARINTS = [
  'f000',
  'ff7f',
  'ffffffffffffffffff7f',
  'fff0fefefefefefefe0e',
  'fff0fefefefefefefe0f',
  'f080808080808080808000',
  'ffffffffffffffffffffffff',
].map((hex) => Buffer.from(hex, 'hex'))
const LENS = [0, 1, 6, 7, 8, 255, 256, 16_379, 16_380, 16_381, 65_536, 2 ** 24, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]
const NOTHING = new Uint8Array(0)

/** Damages the frame that was written last, in the ways in which decoders are usually wrong. */
export class Mutator {
  readonly #random: Random
  readonly #out: StreamWriter
  readonly #corpus: readonly Uint8Array[]

  constructor(random: Random, out: StreamWriter, corpus: readonly Uint8Array[]) {
    this.#random = random
    this.#out = out
    this.#corpus = corpus
  }

  /** @param start where the LEN of the frame stands; it ends where the stream ends */
  mutate(start: number): void {
    const random = this.#random
    for (let left = random.once(4) ? 2 : 1; left > 0; left--) this.#once(start)
    // A frame whose LEN agrees is looked into; one whose LEN does not shifts all that follows.
    if (random.once(16)) this.#length(start)
    else this.#out.end(start)
  }

  #once(start: number): void {
    const random = this.#random
    const out = this.#out
    const { bytes } = out
    const body = start + 4
    const size = out.at - body
    if (size <= 0) return
    const at = body + random.below(size)
    switch (random.below(10)) {
      case 0:
        bytes[at]! ^= 1 << random.below(8)
        return
      case 1:
        bytes[at] = random.pick(BYTES)
        return
      case 2:
        bytes[at] = (bytes[at]! & 0xf0) | random.below(16)
        return
      case 3:
        bytes[at] = (bytes[at]! & 0x0f) | (random.below(16) << 4)
        return
      case 4:
        out.at = at
        return
      case 5:
        out.replace(at, Math.min(at + random.below(3), out.at), random.pick(VARINTS))
        return
      case 6:
        out.replace(at, Math.min(at + 1 + random.below(8), out.at), NOTHING)
        return
      case 7: {
        const piece = Buffer.from(bytes.subarray(at, Math.min(at + 1 + random.below(40), out.at)))
        out.replace(at, at, piece)
        return
      }
      case 8:
        this.#splice(at)
        return
      default:
        if (random.once(2)) bytes[body] = random.pick([0, 1, 2, 3, 4, 101, 102, 103])
        else if (size > 4) bytes[body + 4] = random.below(4)
    }
  }

  #splice(at: number): void {
    if (this.#corpus.length === 0) return
    const other = this.#random.pick(this.#corpus)
    const from = this.#random.below(other.length)
    this.#out.at = at
    this.#out.put(other, from, Math.min(from + 400, other.length))
  }

  /** A LEN that lies; what follows is read as the rest of this frame, or as the start of another. */
  #length(start: number): void {
    const { bytes } = this.#out
    const length = this.#out.at - start - 4
    const lie = this.#random.once(2) ? length + this.#random.below(9) - 4 : this.#random.pick(LENS)
    bytes.writeUInt32BE(lie >>> 0, start)
  }
}
