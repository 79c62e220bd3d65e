import { type Channel, channel } from 'node:diagnostics_channel'
import type { FallbackCause } from './api.ts'

/** Published on `node-spoe:connection:open`: a peer connected. */
export interface ConnectionOpen {
  /** Number of the connection, from 1, unique in this process. */
  readonly connection: number
  /** Undefined on UNIX sockets. */
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
}

/** Published on `node-spoe:connection:hello`: HAProxy introduced itself. */
export interface ConnectionHello {
  readonly connection: number
  /** Undefined for a health check. */
  readonly engineId: string | undefined
  /** What HAProxy offered, comma-separated. */
  readonly capabilities: string
  /** Agreed, bytes. */
  readonly maxFrameSize: number
  readonly healthcheck: boolean
}

/** Published on `node-spoe:connection:close`: the socket is closed. */
export interface ConnectionClose {
  readonly connection: number
  /** Bytes read and written. */
  readonly bytesIn: number
  readonly bytesOut: number
}

/** Published on `node-spoe:connection:refused`: a socket that was not served. */
export interface ConnectionRefused {
  readonly reason: 'connections' | 'peer'
  readonly remoteAddress: string | undefined
}

/** Published on `node-spoe:answer`: an ACK was decided. */
export interface Answer {
  readonly connection: number
  /** First message of the NOTIFY that has a handler, empty if none has. */
  readonly message: string
  /** Whether the handlers wrote it, or why the fallback did. */
  readonly cause: 'handlers' | FallbackCause
  /** Bytes of actions. */
  readonly actionBytes: number
  /** Since the NOTIFY was read. */
  readonly waitedMs: number
}

/** Published on `node-spoe:drain`: the phase that begins. */
export interface DrainPhase {
  readonly phase: 'grace' | 'quiet' | 'hurry' | 'done'
  readonly connections: number
}

/**
 * The channels of `node:diagnostics_channel`. What nobody subscribes to costs a look at `hasSubscribers`, 3 ns; nothing
 * is made for it. Subscribers run within the call and must not throw.
 */
export const channels = {
  open: channel('node-spoe:connection:open') as Channel<unknown, ConnectionOpen>,
  hello: channel('node-spoe:connection:hello') as Channel<unknown, ConnectionHello>,
  close: channel('node-spoe:connection:close') as Channel<unknown, ConnectionClose>,
  refused: channel('node-spoe:connection:refused') as Channel<unknown, ConnectionRefused>,
  answer: channel('node-spoe:answer') as Channel<unknown, Answer>,
  drain: channel('node-spoe:drain') as Channel<unknown, DrainPhase>,
}
