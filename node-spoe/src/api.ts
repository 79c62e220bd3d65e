import type { VariableValue } from './protocol/ack.ts'
import type { Scope } from './protocol/variable.ts'

/** Type a handler wants an argument in; `any` takes whatever HAProxy sends. */
export type ArgType = 'string' | 'bytes' | 'bool' | 'int' | 'ip' | 'any'

/** What an argument declared with that type is read as. */
export interface ArgValues {
  /** STRING as latin1: one character per byte, lossless for raw header bytes. */
  string: string
  /** BINARY, a copy. */
  bytes: Buffer
  bool: boolean
  /** Any integer type; bigint only outside ±(2^53-1). */
  int: number | bigint
  /** Text form; an IPv4-mapped IPv6 address is given as IPv4. */
  ip: string
  /** Any of the above, `null` for NULL. */
  any: string | Buffer | boolean | number | bigint | null
}

/** A value where it lies in the frame: for comparing and hashing without a copy. */
export interface RawValue {
  /** Typed-data type code, 0 to 9 (SPOE.txt 3.1). */
  readonly type: number
  /** Content in `[start, end)` of `buffer`; empty for NULL and BOOL; for integers the varint. */
  readonly buffer: Buffer
  readonly start: number
  readonly end: number
}

/**
 * The arguments of one message (SPOE.txt 3.2.6), decoded when asked for. Valid only until the handler returns or first
 * awaits: read what you need before. A view that outlived an asynchronous handler's first part throws
 * ERR_SPOP_VIEW_EXPIRED.
 */
export interface MessageView<Args extends Record<string, ArgType>> {
  /** Name of the spoe-message. */
  readonly name: string
  /** Value of an argument; undefined if it is absent, NULL (but `null` for `any`), or of another type than declared. */
  get<Name extends keyof Args & string>(name: Name): ArgValues[Args[Name]] | undefined
  /** The same by slot, the position in the declaration: the fast way. */
  at(slot: number): ArgValues['any'] | undefined
  /** Whether the argument came with a value of any type other than NULL. */
  has(name: keyof Args & string): boolean
  /** Where the value lies, undefined if absent. Of use only while the view is valid. */
  raw(name: keyof Args & string): RawValue | undefined
  /** Whether the argument in a slot is a STRING or BINARY of exactly these bytes. Nothing is copied. */
  equals(slot: number, bytes: Uint8Array): boolean
}

/** Collects the variables of one ACK. All messages of a NOTIFY share it. */
export interface Reply {
  /**
   * Sets `scope.prefix.name` in HAProxy. A string is written as UTF-8 (which is itself for ASCII): to hand back bytes
   * that came as latin1, give `Buffer.from(value, 'latin1')`. Integers become INT64.
   *
   * What HAProxy would drop or turn into something else is refused: counted, reported to `onError`, left out of the
   * ACK. That is a name that is empty, has characters outside [A-Za-z0-9_.] or is above 63 bytes with scope and prefix;
   * an integer outside signed 64 bits; NaN and fractions; an address that is none.
   */
  setVar(scope: Scope, name: string, value: VariableValue): void
  /** Unsets the variable. */
  unsetVar(scope: Scope, name: string): void
  /** Name of the first message of the NOTIFY that has a handler, empty if none has: tells a fallback what it answers. */
  readonly message: string
  /** True once the ACK is decided (by the handlers, the deadline or an error). Later calls are counted and ignored. */
  readonly settled: boolean
  /** True once what was set does not fit into the ACK: the fallback will answer with cause `error`. */
  readonly overflows: boolean
}

/** Handles one spoe-message. */
export interface MessageHandler<Args extends Record<string, ArgType>> {
  /** Arguments of interest, by the name in spoe.conf, with the type wanted. Others are skipped. */
  readonly args: Args
  /** Called for each message of that name. A handler that returns nothing is answered within the same socket write. */
  handle(view: MessageView<Args>, reply: Reply): void | Promise<void>
}

/** Keeps the literal type of `args`, so that `view.get('auth')` is typed by its declaration. */
export function message<const Args extends Record<string, ArgType>>(
  handler: MessageHandler<Args>,
): MessageHandler<Args> {
  return handler
}

/** Why the fallback writes an ACK. */
export type FallbackCause = 'deadline' | 'error' | 'overload'

/** Options of {@link createAgent}. */
export interface AgentOptions {
  /** Handlers by the name of the spoe-message. A message without one is skipped and counted. */
  // oxlint-disable-next-line typescript/no-explicit-any -- handlers of different arguments stand side by side
  readonly messages: Readonly<Record<string, MessageHandler<any>>>
  /**
   * Every NOTIFY is answered by then, milliseconds, default 40; set it below HAProxy's `timeout processing`. Checked in
   * steps of an eighth of it, so up to that much early. A handler that blocks the thread cannot be interrupted; what lay
   * in the kernel's buffers meanwhile for longer than the deadline is answered by the fallback, without a handler.
   */
  readonly deadlineMs?: number | undefined
  /**
   * Fills the ACK when a handler cannot. What the handlers had set is discarded first. One failing handler fails the
   * whole NOTIFY. Without it, and if it throws, the ACK is empty: deny by default in HAProxy.
   */
  readonly fallback?: ((reply: Reply, cause: FallbackCause, error?: unknown) => void) | undefined
  /** HAProxy's `option var-prefix`, for the length check of names. */
  readonly varPrefix?: string | undefined
  /** Hard limit of a frame in bytes, default 65536, at least 256. What HAProxy offers within it is agreed to. */
  readonly maxFrameSize?: number | undefined
  /** NOTIFYs waiting for a promise, in total, default 10000. Above it the fallback answers with cause `overload`. */
  readonly maxInFlight?: number | undefined
  /** Connections in total, default 4096. Above it a connection is closed as soon as it is accepted. */
  readonly maxConnections?: number | undefined
  /** Milliseconds from the accept to a complete HAPROXY-HELLO, default 2000. */
  readonly helloTimeoutMs?: number | undefined
  /** Milliseconds a connection is held before its HELLO is refused, default 1000: HAProxy up to 3.0 reconnects at once. */
  readonly refusalDelayMs?: number | undefined
  /** A handler threw or rejected, a variable was refused, HAProxy complained. What it throws itself is ignored. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** Counts since the start, updated in place; `connections` and `inFlight` are levels. */
export interface AgentCounters {
  /** Open now. */
  connections: number
  connectionsTotal: number
  /** Closed at once because of `maxConnections`. */
  connectionsRefused: number
  healthChecks: number
  framesIn: number
  framesOut: number
  notifies: number
  acks: number
  messages: number
  unknownMessages: number
  handlerErrors: number
  deadlineAnswers: number
  overloadAnswers: number
  protocolErrors: number
  variablesRefused: number
  /** setVar and unsetVar after the ACK was decided. */
  lateVariables: number
  /** ACKs that did not fit the frame. */
  oversizeAcks: number
  /** Answers whose connection had gone. */
  acksDropped: number
  bytesIn: number
  bytesOut: number
  /** NOTIFYs waiting for a promise now. */
  inFlight: number
}

/** Times of {@link Agent.drain}, milliseconds. */
export interface DrainOptions {
  /** How long health checks fail while requests are still answered; longer than HAProxy's `inter` x `fall`. Default 0. */
  readonly graceMs?: number | undefined
  /** How long after that to wait for handlers and for HAProxy to close. Default 5000. */
  readonly timeoutMs?: number | undefined
}

/** A running SPOE agent. */
export interface Agent {
  /**
   * Listens on one or more addresses: `tcp://host:port` (port 0: any free one), `tcp://[::1]:9000`, `unix:///path`.
   * Resolves with the bound addresses in the same form; if one fails, none stays open. A UNIX socket file that nobody
   * listens on is replaced; a live one is an error; it is removed on close.
   *
   * @throws SpopError ERR_SPOP_ADDRESS, ERR_SPOP_ADDRESS_IN_USE, ERR_SPOP_CLOSED; other errors of the system as they are
   */
  listen(addresses: string | readonly string[]): Promise<string[]>
  /**
   * Stops gracefully: health checks fail at once, requests are answered for `graceMs` more; then the listeners close and
   * each connection answers what is in flight, says AGENT-DISCONNECT 0 in its last write, and closes. Resolves when all
   * is closed. Idempotent: later calls return the first one's promise.
   */
  drain(options?: DrainOptions): Promise<void>
  /** Closes everything now; requests in flight get no answer. Idempotent. */
  close(): Promise<void>
  readonly counters: Readonly<AgentCounters>
}
