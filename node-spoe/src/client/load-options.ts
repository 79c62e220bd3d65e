import { randomUUID } from 'node:crypto'
import type { ConnectionOptions } from 'node:tls'
import { DEFAULT_MAX_FRAME_SIZE, MIN_MAX_FRAME_SIZE } from '../protocol/frame.ts'
import { SPOP_VERSION } from '../protocol/hello.ts'
import type { Offer } from './hello.ts'
import { MAX_TIMER_MS, checkNumber, refuseUnknown } from '../options.ts'
import type { SampleMessages } from './sample.ts'

/** Options of {@link load}. */
export interface LoadOptions {
  /** Sent again and again: messages, or a whole NOTIFY frame with its LEN, whose ids are replaced. */
  readonly notify: SampleMessages | Uint8Array
  /** Default 1. */
  readonly connections?: number | undefined
  /** NOTIFYs in flight per connection, default 20 as in HAProxy. */
  readonly window?: number | undefined
  /** Milliseconds to send for. Without this and `count`: 10000. */
  readonly durationMs?: number | undefined
  /** NOTIFYs to send; the first of the two limits ends the load. */
  readonly count?: number | undefined
  /**
   * NOTIFYs per second, whatever the agent does: latencies count from the moment each one should have been sent, also
   * where the window was full. It watches the clock and so takes a whole core. Without it every ACK is answered by the
   * next NOTIFY at once.
   */
  readonly rate?: number | undefined
  /** Milliseconds for an ACK, default 1000; then the NOTIFY counts as a timeout and its place is used again. */
  readonly timeoutMs?: number | undefined
  /** Milliseconds to connect, and again to AGENT-HELLO, default 2000. */
  readonly connectTimeoutMs?: number | undefined
  /** Offered in HAPROXY-HELLO, bytes, default 16380. */
  readonly maxFrameSize?: number | undefined
  /** Speak TLS, with these options of `node:tls`. */
  readonly tls?: ConnectionOptions | undefined
  /** Ends the load early; the result counts what was done until then. */
  readonly signal?: AbortSignal | undefined
}

/** Default, smallest and largest value. */
const NUMBERS = {
  connections: [1, 1, 10_000],
  window: [20, 1, 65_536],
  durationMs: [Infinity, 1, Infinity],
  count: [Infinity, 1, Infinity],
  rate: [Infinity, 0.001, Infinity],
  timeoutMs: [1_000, 1, MAX_TIMER_MS],
  connectTimeoutMs: [2_000, 1, MAX_TIMER_MS],
  maxFrameSize: [DEFAULT_MAX_FRAME_SIZE, MIN_MAX_FRAME_SIZE, 2 ** 28],
} as const

type Numeric = keyof typeof NUMBERS
const OTHERS = new Set(['notify', 'tls', 'signal'])
const DEFAULT_DURATION_MS = 10_000

/** Numbers with defaults filled in; a `rate` of Infinity is none. */
export interface LoadSettings extends Record<Numeric, number> {
  readonly offer: Offer
}

/** @throws SpopError ERR_SPOP_OPTION */
export function readLoadOptions(options: LoadOptions): LoadSettings {
  refuseUnknown(options, NUMBERS, OTHERS)
  const number = (name: Numeric): number => {
    const [fallback, least, most] = NUMBERS[name]
    return checkNumber(name, options[name] ?? fallback, least, most)
  }
  const unbounded = options.durationMs === undefined && options.count === undefined
  const maxFrameSize = number('maxFrameSize')
  return {
    connections: number('connections'),
    window: number('window'),
    durationMs: unbounded ? DEFAULT_DURATION_MS : number('durationMs'),
    count: number('count'),
    rate: number('rate'),
    timeoutMs: number('timeoutMs'),
    connectTimeoutMs: number('connectTimeoutMs'),
    maxFrameSize,
    offer: { maxFrameSize, capabilities: 'pipelining', supportedVersions: SPOP_VERSION, engineId: randomUUID() },
  }
}
