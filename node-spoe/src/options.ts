import type { AgentCounters, AgentOptions, ArgType } from './api.ts'
import { SpopError } from './errors.ts'
import { MIN_MAX_FRAME_SIZE } from './protocol/frame.ts'

/** Defaults of the numeric options. */
export const DEFAULTS = {
  /** Milliseconds. */
  deadlineMs: 40,
  /** Bytes. */
  maxFrameSize: 65_536,
  /** Bytes; 0 does not announce fragmentation. */
  maxReassembledSize: 0,
  maxInFlight: 10_000,
  maxInFlightPerConnection: 256,
  maxConnections: 4_096,
  /** Milliseconds. */
  helloTimeoutMs: 2_000,
  /** Milliseconds. */
  refusalDelayMs: 1_000,
  /** Milliseconds; longer than HAProxy keeps an idle connection. */
  idleTimeoutMs: 3_600_000,
  /** Milliseconds. */
  writeTimeoutMs: 5_000,
} as const

type Limit = keyof typeof DEFAULTS

/** Smallest and largest value of each; timers hold 2^31-1 ms, and a frame must stay far below 2^31. */
const RANGES: Readonly<Record<Limit, readonly [number, number]>> = {
  deadlineMs: [1, 2 ** 31 - 1],
  maxFrameSize: [MIN_MAX_FRAME_SIZE, 2 ** 28],
  maxReassembledSize: [0, 2 ** 28],
  maxInFlight: [1, Number.MAX_SAFE_INTEGER],
  maxInFlightPerConnection: [1, Number.MAX_SAFE_INTEGER],
  maxConnections: [1, Number.MAX_SAFE_INTEGER],
  helloTimeoutMs: [1, 2 ** 31 - 1],
  refusalDelayMs: [0, 2 ** 31 - 1],
  idleTimeoutMs: [1, Number.MAX_SAFE_INTEGER],
  writeTimeoutMs: [1, Number.MAX_SAFE_INTEGER],
}

const ARG_TYPES: ReadonlySet<ArgType> = new Set(['string', 'bytes', 'bool', 'int', 'ip', 'any'])
const OTHERS = new Set(['messages', 'fallback', 'varPrefix', 'onError'])

/** Options with defaults filled in. */
export type Settings = Pick<AgentOptions, 'messages' | 'fallback' | 'varPrefix' | 'onError'> & Record<Limit, number>

/** @throws SpopError ERR_SPOP_OPTION for an unknown name or a value out of range */
export function readOptions(options: AgentOptions): Settings {
  for (const name of Object.keys(options)) {
    if (!OTHERS.has(name) && !Object.hasOwn(DEFAULTS, name)) {
      throw new SpopError('ERR_SPOP_OPTION', name, 'there is no such option')
    }
  }
  const limits: Record<Limit, number> = { ...DEFAULTS }
  for (const name of Object.keys(DEFAULTS) as Limit[]) {
    const value = options[name] ?? DEFAULTS[name]
    const [least, most] = RANGES[name]
    if (!(value >= least && value <= most)) {
      throw new SpopError('ERR_SPOP_OPTION', name, `${value} is not between ${least} and ${most}`)
    }
    limits[name] = value
  }
  for (const [name, handler] of Object.entries(options.messages)) checkHandler(name, handler)
  return {
    ...limits,
    messages: options.messages,
    fallback: options.fallback,
    varPrefix: options.varPrefix,
    onError: options.onError,
  }
}

function checkHandler(name: string, handler: AgentOptions['messages'][string]): void {
  if (typeof handler.handle !== 'function') {
    throw new SpopError('ERR_SPOP_OPTION', `messages.${name}`, 'handle is not a function')
  }
  for (const [arg, type] of Object.entries<ArgType>(handler.args)) {
    if (!ARG_TYPES.has(type)) {
      throw new SpopError('ERR_SPOP_OPTION', `messages.${name}.args.${arg}`, `"${type}" is not an argument type`)
    }
  }
}

/** Counters at zero. */
export function newCounters(): AgentCounters {
  return {
    connections: 0,
    connectionsTotal: 0,
    connectionsRefused: 0,
    peersRefused: 0,
    handshakeErrors: 0,
    slowPeersClosed: 0,
    idleClosed: 0,
    healthChecks: 0,
    framesIn: 0,
    framesOut: 0,
    notifies: 0,
    acks: 0,
    messages: 0,
    unknownMessages: 0,
    handlerErrors: 0,
    deadlineAnswers: 0,
    overloadAnswers: 0,
    protocolErrors: 0,
    variablesRefused: 0,
    lateVariables: 0,
    oversizeAcks: 0,
    acksDropped: 0,
    bytesIn: 0,
    bytesOut: 0,
    inFlight: 0,
  }
}
