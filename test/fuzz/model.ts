import { BAD, exactVarint, kvList, messageList, payloadOf, sized, typedValue, varint, varintValue } from './plain.ts'

/** What an agent has to send, in order; ids lie in `[start, end)` of the stream. */
export type Expected =
  | { readonly kind: 'hello'; readonly maxFrameSize: number }
  | { readonly kind: 'ack'; readonly start: number; readonly end: number }
  | { readonly kind: 'disconnect'; readonly status: number }

/** How the agent under test is set up. */
export interface ModelOptions {
  readonly maxFrameSize: number
  readonly maxReassembledSize: number
  /** Names of messages with a handler, and what that does. */
  readonly handlers: ReadonlyMap<string, 'sync' | 'throws' | 'async'>
}

const BEFORE_HELLO = 16_380
const FIN = 1
const ABORT = 2

/**
 * An agent's connection as the protocol describes it, written for comparison only: what must come out for the bytes that
 * went in. It takes a stream that grows, and says where in it the frames lie.
 */
export class AgentModel {
  readonly #options: ModelOptions
  /** Answers that are due at once. */
  readonly expected: Expected[] = []
  /** ACKs that are due after a turn of the event loop, `[start, end)` of their ids, unless the connection ends before. */
  readonly later: number[] = []
  /** Whole frames without LEN, `[start, end)`. */
  readonly frames: number[] = []
  /** Which of those, by their number, are NOTIFYs whose messages handlers were given. */
  readonly handled: number[] = []
  state: 'hello' | 'checked' | 'open' | 'closed' = 'hello'
  /** Calls of handlers. */
  messages = 0
  /** Whether a NOTIFY was put together from fragments. */
  reassembled = false
  #position = 0
  #limit: number
  #fragment: { start: number; end: number; parts: Buffer[]; length: number } | undefined = undefined

  constructor(options: ModelOptions) {
    this.#options = options
    this.#limit = Math.min(options.maxFrameSize, BEFORE_HELLO)
  }

  /** Largest LEN agreed. */
  get limit(): number {
    return this.#limit
  }

  /** Takes the stream up to `length`. */
  advance(bytes: Buffer, length: number): void {
    while (this.state !== 'closed' && length - this.#position >= 4) {
      const size = bytes.readUInt32BE(this.#position)
      if (size < 7) return this.#end(4)
      if (size > this.#limit) return this.#end(3)
      const start = this.#position + 4
      if (start + size > length) return
      this.#position = start + size
      this.frames.push(start, start + size)
      this.#frame(bytes, start, start + size)
    }
  }

  #end(status: number): void {
    // A health check has had its answer.
    if (this.state !== 'checked') this.expected.push({ kind: 'disconnect', status })
    this.state = 'closed'
    this.later.length = 0
  }

  #frame(bytes: Buffer, at: number, end: number): void {
    const payload = payloadOf(bytes, at, end)
    if (payload === BAD) return this.#end(4)
    const type = bytes[at]!
    const flags = bytes[at + 4]!
    if (this.state === 'checked') {
      // Whatever comes after a health check is not looked at.
      this.state = 'closed'
      return
    }
    if (this.state === 'hello' && type !== 1 && type !== 2) return this.#end(4)
    if (type === 2 || (type === 1 && this.state === 'hello')) {
      if ((flags & FIN) === 0) return this.#end(10)
      if (payload !== at + 7 || bytes[at + 5] !== 0 || bytes[at + 6] !== 0) return this.#end(4)
      if (!kvList(bytes, payload, end)) return this.#end(4)
      if (type === 2) return this.#end(0)
      return this.#hello(bytes, payload, end)
    }
    if (type === 1 || (type >= 101 && type <= 103)) return this.#end(4)
    if (type === 3) return this.#notify(bytes, at + 5, payload, end, flags)
    if (type === 0) this.#unset(bytes, at + 5, payload, end, flags)
  }

  #hello(bytes: Buffer, at: number, end: number): void {
    const first = new Map<string, { type: number; start: number; end: number }>()
    while (at < end) {
      const start = varint(bytes, at, end)
      const nameEnd = start + varintValue
      at = typedValue(bytes, nameEnd, end)
      const name = bytes.toString('latin1', start, nameEnd)
      if (!first.has(name)) first.set(name, { type: bytes[nameEnd]! % 16, start: nameEnd, end: at })
    }
    const versions = first.get('supported-versions')
    if (versions?.type !== 8) return this.#end(5)
    sized(bytes, versions.start + 1, versions.end)
    const text = bytes.toString('latin1', versions.end - varintValue, versions.end)
    if (!text.split(',').some((one) => one.trim() === '2.0')) return this.#end(8)
    const size = first.get('max-frame-size')
    let offered = BEFORE_HELLO
    if (size !== undefined) {
      if (size.type < 2 || size.type > 5) return this.#end(9)
      const wide = exactVarint(bytes, size.start + 1, size.end)
      // INT32 and INT64 are signed.
      const value = size.type % 2 === 0 ? BigInt.asIntN(64, wide) : wide
      if (value < 256n) return this.#end(9)
      offered = Number(value)
    }
    const check = first.get('healthcheck')
    this.#limit = Math.min(offered, this.#options.maxFrameSize)
    this.expected.push({ kind: 'hello', maxFrameSize: this.#limit })
    this.state = check !== undefined && bytes[check.start] === 0x11 ? 'checked' : 'open'
  }

  #notify(bytes: Buffer, ids: number, payload: number, end: number, flags: number): void {
    if (this.#fragment !== undefined) return this.#end(11)
    if ((flags & FIN) === 0) {
      if (this.#options.maxReassembledSize === 0) return this.#end(10)
      this.#fragment = { start: ids, end: payload, parts: [], length: 0 }
      this.#collect(bytes, payload, end)
      return
    }
    if ((flags & ABORT) !== 0) {
      this.expected.push({ kind: 'ack', start: ids, end: payload })
      return
    }
    if (this.#handle(bytes, payload, end, ids, payload)) this.handled.push(this.frames.length / 2 - 1)
  }

  #unset(bytes: Buffer, ids: number, payload: number, end: number, flags: number): void {
    const whole = this.#fragment
    if (whole === undefined || bytes.compare(bytes, whole.start, whole.end, ids, payload) !== 0) return this.#end(12)
    if ((flags & FIN) === 0) return this.#collect(bytes, payload, end)
    if ((flags & ABORT) !== 0) {
      this.#fragment = undefined
      return
    }
    this.#collect(bytes, payload, end)
    this.#fragment = undefined
    this.reassembled = true
    if (whole.length > this.#options.maxReassembledSize) {
      this.expected.push({ kind: 'ack', start: whole.start, end: whole.end })
      return
    }
    const joined = Buffer.concat(whole.parts)
    this.#handle(joined, 0, joined.length, whole.start, whole.end)
  }

  #collect(bytes: Buffer, from: number, to: number): void {
    this.#fragment!.parts.push(bytes.subarray(from, to))
    this.#fragment!.length += to - from
  }

  #handle(bytes: Buffer, payload: number, end: number, ids: number, idsEnd: number): boolean {
    let calls = 0
    let throws = false
    let waits = false
    const good = messageList(bytes, payload, end, (nameStart, nameEnd) => {
      const kind =
        nameEnd - nameStart > 8 ? undefined : this.#options.handlers.get(bytes.toString('latin1', nameStart, nameEnd))
      if (kind === undefined) return
      calls++
      throws ||= kind === 'throws'
      waits ||= kind === 'async'
    })
    if (!good) {
      this.#end(4)
      return false
    }
    this.messages += calls
    if (waits && !throws) this.later.push(ids, idsEnd)
    else this.expected.push({ kind: 'ack', start: ids, end: idsEnd })
    return true
  }
}
