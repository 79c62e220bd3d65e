import type { SecureContextOptions, TlsOptions } from 'node:tls'
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

/**
 * The arguments of one message (SPOE.txt 3.2.6), decoded when asked for. Valid only until the handler returns or first
 * awaits: read what you need before. A view that outlived an asynchronous handler's first part throws
 * ERR_SPOP_VIEW_EXPIRED; a name or slot that is not declared throws ERR_SPOP_ARGUMENT_UNKNOWN.
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
  /** Code of the type that HAProxy sent, 0 (NULL) to 9 (BINARY), SPOE.txt 3.1; undefined if the argument is absent. */
  type(name: keyof Args & string): number | undefined
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
  /**
   * Promises that `handle` never returns a promise, and that nothing writes to its reply once it has returned: the reply
   * is then shared with other requests and costs nothing. Without it each NOTIFY gets a small reply of its own. A promise
   * all the same is an error: the fallback answers.
   */
  readonly sync?: boolean | undefined
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

/** Fills an ACK that the handlers could not. */
export type Fallback = (reply: Reply, cause: FallbackCause, error?: unknown) => void

/** What {@link Agent.replaceHandlers} takes: both belong together, so both are replaced. */
export type Handlers = Pick<AgentOptions, 'messages' | 'fallback'>

/** Options of {@link createAgent}. */
export interface AgentOptions {
  /** Handlers by the name of the spoe-message. A message without one is skipped and counted. */
  // oxlint-disable-next-line typescript/no-explicit-any -- handlers of different arguments stand side by side
  readonly messages: Readonly<Record<string, MessageHandler<any>>>
  /**
   * Every NOTIFY is answered by then, milliseconds, default 40; set it below HAProxy's `timeout processing`. Checked in
   * steps of an eighth of it, at least 1 ms and at most 10 ms, so up to that much early. A handler that blocks the thread cannot be interrupted; what lay
   * in the kernel's buffers meanwhile for longer than the deadline is answered by the fallback, without a handler.
   */
  readonly deadlineMs?: number | undefined
  /**
   * Fills the ACK when a handler cannot. What the handlers had set is discarded first. One failing handler fails the
   * whole NOTIFY. Without it, and if it throws, the ACK is empty: deny by default in HAProxy.
   */
  readonly fallback?: Fallback | undefined
  /** HAProxy's `option var-prefix`, for the length check of names. */
  readonly varPrefix?: string | undefined
  /** Hard limit of a frame in bytes, default 65536, at least 256. What HAProxy offers within it is agreed to. */
  readonly maxFrameSize?: number | undefined
  /**
   * HAProxy's `tune.bufsize`, bytes, if that is more than what follows from the max-frame-size it offers (which is the
   * default: that and 4). HAProxy 3.2 stops reading a connection for good once unread ACKs fill this buffer, so what does
   * not fit beside the others waits. Answers below 819 bytes never wait with HAProxy's defaults; for larger ones raise
   * `tune.bufsize` but not `max-frame-size`, and say so here, or set `no option pipelining` in spoe.conf.
   */
  readonly bufsize?: number | undefined
  /**
   * Largest payload of a NOTIFY that HAProxy up to 3.0 may send in fragments, bytes, default 0: fragmentation is not
   * announced then. A connection holds one such payload at a time. A longer one is answered by the fallback, cause
   * `overload`. HAProxy 3.1 and later never sends fragments.
   */
  readonly maxReassembledSize?: number | undefined
  /** NOTIFYs waiting for a promise, in total, default 10000. Above it the fallback answers with cause `overload`. */
  readonly maxInFlight?: number | undefined
  /** The same for one connection, default 256. HAProxy itself keeps at most 20 (`max-waiting-frames` up to 3.0). */
  readonly maxInFlightPerConnection?: number | undefined
  /** Connections in total, default 4096. One above it is held for `refusalDelayMs`, unread, and closed. */
  readonly maxConnections?: number | undefined
  /** Milliseconds for a TLS handshake, and from there (or the accept) to a complete HAPROXY-HELLO, default 2000. */
  readonly helloTimeoutMs?: number | undefined
  /** Milliseconds a connection is held before its HELLO is refused, default 1000: HAProxy up to 3.0 reconnects at once. */
  readonly refusalDelayMs?: number | undefined
  /** A connection on which nothing comes, and nothing is in flight, is closed after so many milliseconds, default 1 h. */
  readonly idleTimeoutMs?: number | undefined
  /** A peer that does not take its answers, or does not end a frame, is cut off after so many ms, default 5000. */
  readonly writeTimeoutMs?: number | undefined
  /**
   * A handler threw or rejected, a variable was refused, an ACK was too big, a peer broke the protocol, was too slow or
   * failed its TLS handshake, HAProxy complained, the system refused an accept. What it throws itself is ignored.
   */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** Counts since the start, updated in place; `connections` and `inFlight` are levels. */
export interface AgentCounters {
  /** Open now. */
  connections: number
  connectionsTotal: number
  /** Not served because of `maxConnections`. */
  connectionsRefused: number
  /** Not served because the address is not on the allow-list. */
  peersRefused: number
  /** TLS handshakes that failed. */
  handshakeErrors: number
  /** Cut off because of `writeTimeoutMs`. */
  slowPeersClosed: number
  /** Closed because of `idleTimeoutMs`. */
  idleClosed: number
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
  /** Answers that waited, for half a deadline at most, until HAProxy had read others: together they fill its buffer. */
  acksHeld: number
  bytesIn: number
  bytesOut: number
  /** NOTIFYs waiting for a promise now. */
  inFlight: number
}

/** Times of {@link Agent.drain}, milliseconds. */
export interface DrainOptions {
  /** How long health checks fail while requests are still answered; longer than HAProxy's `inter` x `fall`. Default 0. */
  readonly graceMs?: number | undefined
  /**
   * How long after that to wait at most, default 5000. A connection is closed once it has been silent for `quietMs`;
   * when half of this time is over, as soon as it has nothing in flight.
   */
  readonly timeoutMs?: number | undefined
  /** Silence after which nothing more is expected on a connection, default 100. */
  readonly quietMs?: number | undefined
}

/** Where to listen. */
export interface ListenOptions {
  /**
   * `tcp://host:port` (port 0: any free one), `tcp://[::1]:9000`, `unix:///path`, `systemd:` for all sockets that systemd
   * handed over, `systemd:name` for those with that `FileDescriptorName=`.
   */
  readonly address: string
  /** Permission bits of a UNIX socket, e.g. 0o660; set before anyone can connect. Without it the umask decides. */
  readonly mode?: number | undefined
  /** Addresses and networks that may connect, e.g. `['127.0.0.1', '10.0.0.0/8', '2001:db8::/32']`. Not for UNIX sockets. */
  readonly allow?: readonly string[] | undefined
  /**
   * SPOP over TLS: `cert` and `key` at least; with `ca`, `requestCert: true` and `rejectUnauthorized: true` HAProxy has to
   * show a certificate. HAProxy's side: `server a1 host:port ssl verify required ca-file ... crt ...`.
   */
  readonly tls?: TlsOptions | undefined
}

/** One connection whose bytes somebody else carries: the protocol without a socket. */
export interface AgentSession {
  /** Takes bytes that HAProxy sent. Never throws, and answers what is due within the call by {@link SessionLink.write}. */
  receive(bytes: Buffer): void
  /** Ends it: by AGENT-DISCONNECT 0 as soon as nothing is in flight. */
  end(): void
  /** The carrier has gone. What is in flight is not answered any more. */
  lost(): void
}

/** What carries the bytes of an {@link AgentSession}. */
export interface SessionLink {
  /** Bytes for HAProxy: one or more whole frames, which the callee may keep. */
  write(bytes: Buffer): void
  /** Close after `holdMs` milliseconds (0: now); nothing is written or read any more. */
  close(holdMs: number): void
}

/** A running SPOE agent. */
export interface Agent {
  /**
   * Listens on one or more addresses. Resolves with the bound addresses in the same form; if one fails, none stays open.
   * A UNIX socket file that nobody listens on is replaced; a live one is an error; it is removed on close.
   *
   * @throws SpopError ERR_SPOP_ADDRESS, ERR_SPOP_PATH, ERR_SPOP_ADDRESS_IN_USE, ERR_SPOP_SYSTEMD, ERR_SPOP_ALLOW,
   *   ERR_SPOP_CLOSED; errors of the system, and of TLS for a bad key or certificate, as they are
   */
  listen(addresses: string | ListenOptions | readonly (string | ListenOptions)[]): Promise<string[]>
  /**
   * Replaces all handlers and the fallback, at once, from the next NOTIFY on: for a configuration that was read again. A
   * NOTIFY that was read before keeps its handlers and its fallback to the end, also where it waits for a promise. What
   * the new handlers declare as arguments may differ. Connections stay open, and nothing is lost. Works before `listen` too.
   *
   * @throws SpopError ERR_SPOP_OPTION for handlers that are none; the former ones stay then
   */
  replaceHandlers(handlers: Handlers): void
  /**
   * Replaces certificate, key and all else of the secure context with which an address listens, for files that were
   * renewed. It holds from the next TLS handshake on, and none resumes a session of the former context, unless `listen` was
   * given `ticketKeys`; connections stay open. What is left out has Node's default, not the former value; what `TlsOptions`
   * have beside, such as `requestCert`, stays.
   *
   * @param address as it was given to `listen`; several listeners of one address are all meant
   * @throws SpopError ERR_SPOP_LISTEN when the agent does not listen there with TLS; what `tls.createSecureContext` throws
   *   for a bad key or certificate: the former context stays then
   */
  replaceTls(address: string, tls: SecureContextOptions): void
  /**
   * Speaks SPOP over whatever carries bytes: bytes in, bytes out, without a socket. What needs to know the carrier is the
   * carrier's business: HELLO, idle and write timeouts, backpressure, the cap on connections, `drain`, and bytes that
   * waited before they were handed in. The deadline, the bounds on frames and NOTIFYs, and exactly one ACK hold here too.
   */
  session(link: SessionLink): AgentSession
  /**
   * Stops gracefully: health checks fail at once, requests are answered for `graceMs` more; then the listeners close, and
   * each connection, once it is silent, says AGENT-DISCONNECT 0 in its last write and closes. Resolves when all is
   * closed. Idempotent: later calls return the first one's promise.
   */
  drain(options?: DrainOptions): Promise<void>
  /** Closes everything now; requests in flight get no answer. Idempotent. */
  close(): Promise<void>
  readonly counters: Readonly<AgentCounters>
}
