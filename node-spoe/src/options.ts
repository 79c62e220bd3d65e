import type { AgentCounters, AgentOptions, ArgType, Handlers } from './api.ts'
import { SpopError } from './errors.ts'
import { MIN_MAX_FRAME_SIZE } from './protocol/frame.ts'

/** Defaults of the numeric options. */
export const DEFAULTS = {
  /** Milliseconds. */
  deadlineMs: 40,
  /** Bytes. */
  maxFrameSize: 65_536,
  /** Bytes; 0 takes what HAProxy offers as max-frame-size, and 4. */
  bufsize: 0,
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

/** What Node's timers hold, milliseconds. */
export const MAX_TIMER_MS = 2 ** 31 - 1

type Limit = keyof typeof DEFAULTS

/** Smallest and largest value of each; a frame must stay far below 2^31. */
const RANGES: Readonly<Record<Limit, readonly [number, number]>> = {
  deadlineMs: [1, MAX_TIMER_MS],
  maxFrameSize: [MIN_MAX_FRAME_SIZE, 2 ** 28],
  bufsize: [0, 2 ** 30],
  maxReassembledSize: [0, 2 ** 28],
  maxInFlight: [1, Number.MAX_SAFE_INTEGER],
  maxInFlightPerConnection: [1, Number.MAX_SAFE_INTEGER],
  maxConnections: [1, Number.MAX_SAFE_INTEGER],
  helloTimeoutMs: [1, MAX_TIMER_MS],
  refusalDelayMs: [0, MAX_TIMER_MS],
  idleTimeoutMs: [1, Number.MAX_SAFE_INTEGER],
  writeTimeoutMs: [1, Number.MAX_SAFE_INTEGER],
}

const ARG_TYPES: ReadonlySet<ArgType> = new Set(['string', 'bytes', 'bool', 'int', 'ip', 'any'])
const OTHERS = new Set(['messages', 'fallback', 'varPrefix', 'onError'])

/** Options with defaults filled in. */
export type Settings = Handlers & Pick<AgentOptions, 'varPrefix' | 'onError'> & Record<Limit, number>

/** The part that may be replaced while the agent runs. */
export type HandlerSettings = Pick<Settings, 'messages' | 'fallback'>

/** @throws SpopError ERR_SPOP_OPTION for an unknown name or a value out of range */
export function readOptions(options: AgentOptions): Settings {
  refuseUnknown(options, DEFAULTS, OTHERS)
  const limits: Record<Limit, number> = { ...DEFAULTS }
  for (const name of Object.keys(DEFAULTS) as Limit[]) {
    limits[name] = checkNumber(name, options[name] ?? DEFAULTS[name], ...RANGES[name])
  }
  checkFunction('onError', options.onError)
  return {
    ...limits,
    ...checkHandlers(options),
    varPrefix: options.varPrefix,
    onError: options.onError,
  }
}

/** @throws SpopError ERR_SPOP_OPTION for handlers or a fallback that are none, and for anything beside them */
export function readHandlers(handlers: Handlers): HandlerSettings {
  if (!isObject(handlers)) throw new SpopError('ERR_SPOP_OPTION', 'handlers', 'it is no object')
  refuseUnknown(handlers, {}, HANDLERS_KEYS)
  return checkHandlers(handlers)
}

function checkHandlers({ messages, fallback }: Handlers): HandlerSettings {
  if (!isObject(messages)) throw new SpopError('ERR_SPOP_OPTION', 'messages', 'it is no object')
  for (const [name, handler] of Object.entries(messages)) checkHandler(name, handler)
  checkFunction('fallback', fallback)
  return { messages, fallback }
}

function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') {
    throw new SpopError('ERR_SPOP_OPTION', name, 'it is no function')
  }
}

/** @throws SpopError ERR_SPOP_OPTION for a name that is neither a key of `numbers` nor one of `others` */
export function refuseUnknown(options: object, numbers: object, others: ReadonlySet<string>, where = ''): void {
  for (const name of Object.keys(options)) {
    if (others.has(name) || Object.hasOwn(numbers, name)) continue
    throw new SpopError('ERR_SPOP_OPTION', where + name, 'there is no such option')
  }
}

/** @throws SpopError ERR_SPOP_OPTION if it is not a number from `least` to `most` */
export function checkNumber(name: string, value: number, least: number, most: number): number {
  if (typeof value === 'number' && value >= least && value <= most) return value
  throw new SpopError('ERR_SPOP_OPTION', name, `${value} is not between ${least} and ${most}`)
}

const HANDLERS_KEYS = new Set(['messages', 'fallback'])
const HANDLER_KEYS = new Set(['args', 'handle', 'sync'])

function checkHandler(name: string, handler: AgentOptions['messages'][string]): void {
  const where = `messages.${name}`
  if (!isObject(handler) || typeof handler.handle !== 'function') {
    throw new SpopError('ERR_SPOP_OPTION', where, 'handle is not a function')
  }
  if (!isObject(handler.args)) throw new SpopError('ERR_SPOP_OPTION', `${where}.args`, 'it is no object')
  refuseUnknown(handler, {}, HANDLER_KEYS, `${where}.`)
  for (const [arg, type] of Object.entries<ArgType>(handler.args)) {
    if (!ARG_TYPES.has(type)) {
      throw new SpopError('ERR_SPOP_OPTION', `${where}.args.${arg}`, `"${type}" is not an argument type`)
    }
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
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
    acksHeld: 0,
    bytesIn: 0,
    bytesOut: 0,
    inFlight: 0,
  }
}
