import { type ChannelCredentials, Client, type ClientUnaryCall, credentials as channel, Metadata } from '@grpc/grpc-js'
import { STATUS } from '../classify.ts'
import { CallError } from './call-error.ts'
import type { Method } from './calls.ts'
import type { Credentials } from './credentials.ts'

/** Milliseconds until an attempt without answer counts as failed. */
export const ATTEMPT_DEADLINE_MS = 5_000

type Ended = (error: { readonly code: number } | null, method: string) => void

export interface ConnectionOptions {
  /** `host:port`. */
  readonly address: string
  readonly credentials: Credentials
  /** Milliseconds until an attempt without answer counts as failed. */
  readonly deadlineMs: number
  /** Told of the end of each call: null, or its error; and the path of its method. */
  readonly ended?: Ended
}

/** As the SDK's connections do it, but for the pause between dials: gRPC's own, of up to two minutes, is an eternity. */
const CHANNEL = {
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 15_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  // Else two connections to one address could share a socket, and with it what was shown on it.
  'grpc.use_local_subchannel_pool': 1,
}

/**
 * One connection with fixed credentials. Nothing is dialled before the first call, and it reconnects by itself. It makes
 * the calls without the SDK's client, whose default retry goes on after the deadline, and whose context for each call
 * costs a tenth of it: here an attempt is one attempt, and the dispatcher does all retrying.
 */
export class Connection {
  readonly #client: Client
  readonly #metadata: Metadata
  readonly #deadlineMs: number
  readonly #ended: Ended
  readonly #calls = new Set<ClientUnaryCall>()
  #idle: (() => void) | undefined
  #closing: Promise<void> | undefined

  /** @throws {Error} when OpenSSL does not take the certificates */
  constructor({ address, credentials, deadlineMs, ended }: ConnectionOptions) {
    this.#client = new Client(address, channelCredentials(credentials), channelOptions(credentials))
    this.#metadata = new Metadata()
    if (credentials.apiKey !== undefined) this.#metadata.set('authorization', `Bearer ${credentials.apiKey.reveal()}`)
    this.#deadlineMs = deadlineMs
    this.#ended = ended ?? (() => undefined)
  }

  /** One attempt. Rejects with an error that has the gRPC `code`, or, where the request cannot be encoded, without one. */
  unary<Q extends { namespace?: string | null | undefined }, A>(method: Method<Q, A>, request: Q): Promise<A> {
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined) return reject(closedError())
      // Temporal Cloud routes by it.
      const metadata = this.#metadata.clone()
      if (request.namespace) metadata.set('temporal-namespace', request.namespace)
      const call = this.#client.makeUnaryRequest(
        method.path,
        asIs,
        method.decode,
        // Here, not in gRPC, which would make a status out of a request that can never be sent.
        method.encode(request),
        metadata,
        { deadline: Date.now() + this.#deadlineMs },
        (error, answer) => {
          this.#calls.delete(call)
          this.#ended(error, method.path)
          if (error !== null) reject(error)
          else if (answer === undefined) reject(new CallError(STATUS.INTERNAL, 'an answer without a message'))
          else resolve(answer)
          if (this.#calls.size === 0) this.#idle?.()
        },
      )
      this.#calls.add(call)
    })
  }

  /** Calls in flight. */
  get inFlight(): number {
    return this.#calls.size
  }

  /** Waits for the calls in flight, each of which is over by its deadline, and closes. No call may be made meanwhile. */
  async drain(): Promise<void> {
    await this.#untilIdle()
    await this.close()
  }

  /** Gives up the calls in flight, which reject with CANCELLED, and closes. A second call joins the first. */
  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  async #end(): Promise<void> {
    for (const call of this.#calls) call.cancel()
    await this.#untilIdle()
    this.#client.close()
  }

  #untilIdle(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve()
    const before = this.#idle
    return new Promise((resolve) => {
      this.#idle = () => {
        before?.()
        resolve()
      }
    })
  }
}

/** What calls on a closed connection reject with. */
export function closedError(): CallError {
  return new CallError(STATUS.CANCELLED, 'the connection is closed')
}

function asIs(bytes: Buffer): Buffer {
  return bytes
}

function channelCredentials({ tls }: Credentials): ChannelCredentials {
  if (tls === false) return channel.createInsecure()
  const { ca, pair } = tls
  return channel.createSsl(
    ca === undefined ? null : Buffer.from(ca),
    pair === undefined ? null : Buffer.from(pair.key.reveal()),
    pair === undefined ? null : Buffer.from(pair.cert),
  )
}

function channelOptions({ tls }: Credentials): typeof CHANNEL {
  if (tls === false || tls.serverName === undefined) return CHANNEL
  const name = { 'grpc.ssl_target_name_override': tls.serverName, 'grpc.default_authority': tls.serverName }
  return { ...CHANNEL, ...name }
}
