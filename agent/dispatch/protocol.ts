import type { ActorDispatchOptions } from '../actor/dispatch-options.ts'
import type { Command } from './command.ts'
import type { BatchLimits } from './batcher.ts'

/** Where Temporal is and who the agent is there. Paths, not contents: the thread reads the files. */
export interface TemporalOptions {
  /** `host:port`. */
  address: string
  namespace: string
  /** `true`: TLS with the system's authorities. Files are PEM. */
  tls?: boolean | TlsFiles
  /** Implies TLS, as in the SDK, unless `tls` is `false`. */
  apiKey?: string | undefined
  /** Shown in histories as the caller. Default `haproxy-temporal@<host>:<pid>`. */
  identity?: string
}

export interface TlsFiles {
  caFile?: string | undefined
  certFile?: string | undefined
  keyFile?: string | undefined
  serverName?: string | undefined
}

/** What the hot side hands to the thread when it starts it. */
export interface ThreadOptions {
  readonly temporal: TemporalOptions
  readonly outbox: { readonly path: string; readonly maxRows: number }
  readonly meter: BatchLimits
  readonly rules: readonly string[]
  readonly actor?: ActorDispatchOptions | undefined
  readonly shared: SharedArrayBuffer
}

export type TemporalState = 'unknown' | 'connected' | 'unavailable'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export type ToThread =
  | { readonly type: 'commands'; readonly commands: readonly Command[] }
  | { readonly type: 'drain'; readonly timeoutMs: number }

export type FromThread =
  | { readonly type: 'ready' }
  | { readonly type: 'drained' }
  | { readonly type: 'state'; readonly temporal: TemporalState; readonly lastError: string | undefined }
  | { readonly type: 'log'; readonly level: LogLevel; readonly fields: object; readonly message: string }

/** The part of pino that the dispatcher uses. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}
