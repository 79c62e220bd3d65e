import { randomUUID } from 'node:crypto'
import type { ConnectionOptions } from 'node:tls'
import { SpopError } from '../errors.ts'
import { MAX_TIMER_MS, checkNumber, refuseUnknown } from '../options.ts'
import { DEFAULT_MAX_FRAME_SIZE, MIN_MAX_FRAME_SIZE } from '../protocol/frame.ts'
import { SPOP_VERSION } from '../protocol/hello.ts'

/** Options of {@link connect}. */
export interface ClientOptions {
  /** Offered in HAPROXY-HELLO, bytes, default 16380 as HAProxy does. */
  readonly maxFrameSize?: number | undefined
  /** Offered, comma-separated, default `pipelining`. */
  readonly capabilities?: string | undefined
  /** Offered, comma-separated, default `2.0`. */
  readonly supportedVersions?: string | undefined
  /** Default a random UUID. */
  readonly engineId?: string | undefined
  /** NOTIFYs in flight, default 20 as in HAProxy; further ones wait. 1 if the agent does not announce `pipelining`. */
  readonly window?: number | undefined
  /** NOTIFYs that may wait, default 10000; further ones fail with ERR_SPOP_QUEUE_FULL. */
  readonly maxQueued?: number | undefined
  /** Milliseconds for an ACK, from `notify()` on, default 1000. */
  readonly timeoutMs?: number | undefined
  /** Milliseconds to connect, default 2000. */
  readonly connectTimeoutMs?: number | undefined
  /** Milliseconds from the connection to AGENT-HELLO, default 2000. */
  readonly helloTimeoutMs?: number | undefined
  /** Milliseconds `close()` waits for AGENT-DISCONNECT, default 1000. */
  readonly closeTimeoutMs?: number | undefined
  /** Send a NOTIFY that is too big in fragments if the agent announces `fragmentation`, default false. */
  readonly fragmentation?: boolean | undefined
  /** End the connection on an ACK with ids never sent, as HAProxy 3.1+ does, default true. */
  readonly strict?: boolean | undefined
  /** Speak TLS, with these options of `node:tls`. */
  readonly tls?: ConnectionOptions | undefined
  /** The agent did something wrong that HAProxy would ignore: a duplicate, late or malformed ACK. */
  readonly onError?: ((error: SpopError) => void) | undefined
}

/** Default, smallest and largest value of the numeric options. */
const NUMBERS = {
  maxFrameSize: [DEFAULT_MAX_FRAME_SIZE, MIN_MAX_FRAME_SIZE, 2 ** 28],
  window: [20, 1, 2 ** 20],
  maxQueued: [10_000, 0, Number.MAX_SAFE_INTEGER],
  timeoutMs: [1_000, 1, MAX_TIMER_MS],
  connectTimeoutMs: [2_000, 1, MAX_TIMER_MS],
  helloTimeoutMs: [2_000, 1, MAX_TIMER_MS],
  closeTimeoutMs: [1_000, 0, MAX_TIMER_MS],
} as const

type Numeric = keyof typeof NUMBERS
const OTHERS = new Set(['capabilities', 'supportedVersions', 'engineId', 'fragmentation', 'strict', 'tls', 'onError'])

/** Options with defaults filled in. */
export interface ClientSettings extends Record<Numeric, number> {
  readonly capabilities: string
  readonly supportedVersions: string
  readonly engineId: string
  readonly fragmentation: boolean
  readonly strict: boolean
  readonly tls: ConnectionOptions | undefined
  readonly onError: ((error: SpopError) => void) | undefined
}

/** @throws SpopError ERR_SPOP_OPTION for an unknown name or a value out of range */
export function readClientOptions(options: ClientOptions): ClientSettings {
  refuseUnknown(options, NUMBERS, OTHERS)
  const number = (name: Numeric): number => {
    const [fallback, least, most] = NUMBERS[name]
    return checkNumber(name, options[name] ?? fallback, least, most)
  }
  return {
    maxFrameSize: number('maxFrameSize'),
    window: number('window'),
    maxQueued: number('maxQueued'),
    timeoutMs: number('timeoutMs'),
    connectTimeoutMs: number('connectTimeoutMs'),
    helloTimeoutMs: number('helloTimeoutMs'),
    closeTimeoutMs: number('closeTimeoutMs'),
    capabilities: options.capabilities ?? 'pipelining',
    supportedVersions: options.supportedVersions ?? SPOP_VERSION,
    engineId: options.engineId ?? randomUUID(),
    fragmentation: options.fragmentation ?? false,
    strict: options.strict ?? true,
    tls: options.tls,
    onError: options.onError,
  }
}
