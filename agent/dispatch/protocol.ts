import type { MessagePort } from 'node:worker_threads'
import type { ActorDispatchOptions } from '../actor/dispatch-options.ts'
import type { SecretConfig } from '../secrets/secret-file.ts'
import type { WorkflowAction } from './command.ts'
import type { ConnectionStatus } from './temporal/status.ts'
import type { OutboxAnswer, OutboxRequest } from './store/outbox-calls.ts'

/** Where Temporal is and who the agent is there. Paths, not contents: the thread reads the files, again when they change. */
export interface TemporalOptions extends EndpointOptions {
  namespace: string
  /** Namespaces that are reached another way; all others as `namespace`, which may be among them. */
  namespaces?: Readonly<Record<string, EndpointOptions>>
  /** Shown in histories as the caller. Default `haproxy-temporal@<host>:<pid>`. */
  identity?: string
  /** Keys that inputs, signals and memos are encrypted with. Default: they are plain. */
  payloadKeys?: { readonly file: string } | undefined
}

/** Where a connection leads, and what is shown there. */
export interface EndpointOptions {
  /** `host:port`. */
  address: string
  /** `true`: TLS with the system's authorities. Files are PEM. Default: `true` with an `apiKey`, else `false`. */
  tls?: boolean | TlsFiles | undefined
  apiKey?: SecretConfig | undefined
}

export interface TlsFiles {
  caFile?: string | undefined
  certFile?: string | undefined
  keyFile?: string | undefined
  serverName?: string | undefined
}

/** What both threads are handed when they start. */
interface ThreadOptions {
  /** Names by row of the counters. */
  readonly rules: readonly string[]
  readonly shared: SharedArrayBuffer
  /** To the other thread. */
  readonly peer: MessagePort
}

/** Bounds of what waits. */
export interface Bounds {
  /** Events in memory. */
  readonly maxEvents: number
  /** Bytes of their packets. */
  readonly maxBytes: number
  /** Events on disk. */
  readonly maxStored: number
  /** Bytes of their rows. */
  readonly maxStoredBytes: number
}

export interface StoreOptions extends ThreadOptions {
  readonly path: string
  /** Of rules that name none. */
  readonly namespace: string
  readonly bounds: Bounds
  /** Bounds of dead letters: events, and bytes of their rows. */
  readonly deadBounds: { readonly events: number; readonly bytes: number }
  /** Milliseconds for which delivered events are kept, for `outbox replay`; 0: not at all. */
  readonly retainMs: number
  /** File with the keys that rows are encrypted with; undefined: rows are plain. */
  readonly keyFile?: string | undefined
  /** Packets, and what becomes of strict events. */
  readonly inlet: MessagePort
}

export interface ShipOptions extends ThreadOptions {
  readonly temporal: TemporalOptions
  readonly actor?: ActorDispatchOptions | undefined
}

export type TemporalState = 'unknown' | 'connected' | 'unavailable'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Through the inlet, from the hot side to the store thread: all that must keep its order. */
export type ToInlet =
  /** Actions by index, from `first` on, before any packet that names them. */
  | { readonly type: 'actions'; readonly first: number; readonly actions: readonly WorkflowAction[] }
  /** Frames of packet.ts. */
  | { readonly type: 'packet'; readonly bytes: Uint8Array }
  /** The requests of these strict events were answered as allowed, and those of the others were not. */
  | { readonly type: 'answered'; readonly kept: readonly number[]; readonly refused: readonly number[] }
  /** Names of all rules, before any packet with commands of theirs. */
  | { readonly type: 'rules'; readonly names: readonly string[] }
  /** The last one. */
  | { readonly type: 'drain'; readonly timeoutMs: number }

/** Through the inlet, back: strict events by ticket, on disk or not. */
export interface FromInlet {
  readonly stored: readonly number[]
  readonly failed: readonly number[]
}

/** To the store thread. */
export type ToThread = { readonly type: 'outbox'; readonly call: number; readonly request: OutboxRequest }

/** From both threads. */
export type FromThread =
  | { readonly type: 'ready' }
  | { readonly type: 'drained' }
  | { readonly type: 'state'; readonly temporal: TemporalState; readonly lastError: string | undefined }
  | { readonly type: 'paused'; readonly rules: readonly string[] }
  /** All rules whose calls Temporal refuses while it takes others. */
  | { readonly type: 'denied'; readonly rules: readonly string[] }
  | { readonly type: 'connections'; readonly connections: readonly ConnectionStatus[] }
  | { readonly type: 'answer'; readonly call: number; readonly answer: OutboxAnswer }
  | { readonly type: 'log'; readonly level: LogLevel; readonly fields: object; readonly message: string }

/** The part of pino that the dispatcher uses. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
