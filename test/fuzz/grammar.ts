import type { Random } from './random.ts'
import type { StreamWriter } from './writer.ts'

/** Room that a frame may take in the writer before the case is ended. */
export const MAX_GENERATED_BYTES = 80_000

const name = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const ECHOES = Array.from({ length: 24 }, () => 'echo')
const OTHERS = ['m1', 'm1', 'check', 'check', '', 'later', 'later', 'reject', 'boom', 'big', 'odd']
const MESSAGES = [...ECHOES, ...OTHERS].map(name)
const ARGS = ['a', 'n', 'ip', 's', 'b', 't', 'a', '', 'unknown', 'long-name-of-an-argument'].map(name)
const VARIABLES = ['decision', 'user', 'a', 'score', ''].map(name)
const KEYS = [
  'supported-versions',
  'max-frame-size',
  'capabilities',
  'engine-id',
  'healthcheck',
  'x',
  'status-code',
].map(name)
const [VERSIONS, SIZE, CAPABILITIES, ENGINE, HEALTHCHECK, , STATUS] = KEYS as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
]
const TWO = name('2.0')
const PIPELINING = name('pipelining')
const VERSION = name('version')
const MESSAGE = name('message')
const SIZES = [16_380, 16_380, 16_380, 256, 257, 1000, 4096, 65_536, 2 ** 31, 2 ** 40]
/** Encoded, as they are above what a number holds. */
const WIDE = [
  'fff0fefefefefefefe0e',
  'f6eefefefefefefefe0e',
  'fff0fefefefefefefe06',
  'f0f1fefefefefefefe06',
  'fff0fefe7e',
  'f0f1fefebefffffefe0e',
].map((hex) => Buffer.from(hex, 'hex'))
const NOISE = Buffer.from(Array.from({ length: 4096 }, (_, i) => Math.imul(i + 7, 0x9e3779b1) >>> 24))
const LENGTHS = [0, 1, 2, 3, 7, 16, 40, 239, 240, 300]

/** Valid frames of every type, as the grammar allows them and HAProxy, or an agent, would send them. */
export class Grammar {
  readonly #random: Random
  readonly #out: StreamWriter

  constructor(random: Random, out: StreamWriter) {
    this.#random = random
    this.#out = out
  }

  /** HAPROXY-HELLO; now and then a health check, or one with keys missing, repeated or of another type. */
  hello(): void {
    const start = this.#begin(1)
    const odd = this.#random.once(12)
    if (!odd || !this.#random.once(4)) this.#string(VERSIONS, TWO)
    if (!odd || !this.#random.once(4)) {
      this.#out.sized(SIZE)
      this.#out.byte(3)
      this.#out.varint(this.#random.pick(SIZES))
    }
    this.#string(CAPABILITIES, PIPELINING)
    if (odd) for (let left = this.#random.below(4); left > 0; left--) this.#named(KEYS)
    if (this.#random.once(40)) {
      this.#out.sized(HEALTHCHECK)
      this.#out.byte(this.#random.once(2) ? 0x11 : 0x01)
    } else {
      this.#string(ENGINE, PIPELINING)
    }
    this.#out.end(start)
  }

  /** Any frame that HAProxy sends on an open connection. */
  fromHaproxy(fragments: boolean): void {
    const kind = this.#random.below(64)
    if (kind === 0) this.disconnect(2)
    else if (kind === 1) this.unknown()
    else if (kind === 2) this.hello()
    else if (kind === 3) this.ack()
    else if (kind < (fragments ? 24 : 6)) this.#fragmented()
    else this.notify()
  }

  notify(): void {
    const start = this.#begin(3, this.#random.once(30) ? 3 : 1)
    this.#messages()
    this.#out.end(start)
  }

  ack(ids?: Uint8Array): void {
    const start = this.#begin(103, this.#random.once(30) ? 3 : 1, ids)
    for (let left = this.#random.below(5); left > 0; left--) {
      const unset = this.#random.once(4)
      this.#out.byte(unset ? 2 : 1)
      this.#out.byte(unset ? 2 : 3)
      this.#out.byte(this.#random.below(5))
      if (unset) this.#out.sized(this.#random.pick(VARIABLES))
      else this.#named(VARIABLES)
    }
    this.#out.end(start)
  }

  agentHello(): void {
    const start = this.#begin(101)
    this.#string(VERSION, TWO)
    this.#out.sized(SIZE)
    this.#out.byte(3)
    this.#out.varint(this.#random.pick([16_380, 16_380, 256, 4096]))
    this.#string(CAPABILITIES, PIPELINING)
    this.#out.end(start)
  }

  disconnect(type: 2 | 102): void {
    const start = this.#begin(type)
    this.#out.sized(STATUS)
    this.#out.byte(3)
    this.#out.varint(this.#random.pick([0, 1, 2, 3, 13, 99, 300]))
    this.#string(MESSAGE, TWO)
    this.#out.end(start)
  }

  unknown(): void {
    const start = this.#begin(this.#random.pick([4, 42, 100, 104, 255]))
    this.#out.put(NOISE, 0, this.#random.below(40))
    this.#out.end(start)
  }

  /** A NOTIFY in two to four pieces, cut anywhere; sometimes aborted, interlaced or with other ids. */
  #fragmented(): void {
    const { bytes } = this.#out
    const from = this.#out.at
    this.notify()
    const whole = Buffer.from(bytes.subarray(from, this.#out.at))
    const idsEnd = 9 + this.#idsLength(whole)
    const ids = whole.subarray(9, idsEnd)
    this.#out.at = from
    const pieces = 2 + this.#random.below(3)
    for (let i = 0, at = idsEnd; i < pieces; i++) {
      const last = i === pieces - 1
      const to = last ? whole.length : at + this.#random.below(whole.length - at + 1)
      if (this.#random.once(100)) this.notify()
      const other = this.#random.once(100) ? WIDE[0]! : ids
      const start = this.#begin(i === 0 ? 3 : 0, last ? (this.#random.once(10) ? 3 : 1) : 0, other)
      this.#out.put(whole, at, to)
      this.#out.end(start)
      at = to
    }
  }

  #idsLength(frame: Uint8Array): number {
    let at = 9
    for (let ids = 0; ids < 2; ids++) {
      if (frame[at++]! < 240) continue
      while (frame[at++]! >= 128);
    }
    return at - 9
  }

  #begin(type: number, flags = 1, ids?: Uint8Array): number {
    const out = this.#out
    const start = out.begin()
    out.byte(type)
    out.byte(0)
    out.byte(0)
    out.byte(0)
    out.byte(flags)
    if (ids !== undefined) {
      out.put(ids)
    } else if (type === 3 || type === 0 || type === 103) {
      this.#id()
      this.#id()
    } else {
      out.byte(0)
      out.byte(0)
    }
    return start
  }

  #id(): void {
    if (this.#random.once(8)) this.#out.put(this.#random.pick(WIDE))
    else this.#out.varint(this.#random.below(this.#random.once(4) ? 100_000 : 300))
  }

  #messages(): void {
    const kind = this.#random.below(16)
    for (let left = kind === 0 ? 0 : kind < 12 ? 1 : 2 + this.#random.below(3); left > 0; left--) {
      this.#out.sized(this.#random.pick(MESSAGES))
      const args = this.#random.once(400) ? 255 : this.#random.below(7)
      this.#out.byte(args)
      for (let i = 0; i < args; i++) this.#named(ARGS)
    }
  }

  #string(key: Uint8Array, value: Uint8Array): void {
    this.#out.sized(key)
    this.#out.byte(8)
    this.#out.sized(value)
  }

  #named(names: readonly Uint8Array[]): void {
    this.#out.sized(this.#random.pick(names))
    const type = this.#random.below(10)
    const out = this.#out
    out.byte(type === 1 && this.#random.once(2) ? 0x11 : type)
    if (type >= 8) this.#bytes()
    else if (type === 6) out.put(NOISE, 9, 13)
    else if (type === 7) this.#ipv6()
    else if (type >= 2) this.#id()
  }

  #bytes(): void {
    const length = this.#random.once(200) ? 2300 : this.#random.pick(LENGTHS)
    const from = this.#random.below(NOISE.length - length)
    this.#out.varint(length)
    this.#out.put(NOISE, from, from + length)
  }

  #ipv6(): void {
    const mapped = this.#random.once(2)
    for (let i = 0; i < 16; i++) this.#out.byte(mapped ? (i < 10 ? 0 : i < 12 ? 255 : i) : this.#random.below(3))
  }
}
