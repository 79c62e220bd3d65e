import { backoff } from '../backoff.ts'
import { STATUS } from '../classify.ts'
import type { EndpointOptions, Log } from '../protocol.ts'
import { CallError, reasonOf } from './call-error.ts'
import { CallState, isRefusal } from './call-state.ts'
import { METHODS, type Method, type TemporalCalls } from './calls.ts'
import { ATTEMPT_DEADLINE_MS, closedError, Connection } from './connection.ts'
import { CredentialSource } from './credential-source.ts'
import { changedFiles, type Credentials } from './credentials.ts'
import { Nap } from './nap.ts'
import { objectionTo } from './probe.ts'
import type { ConnectionStatus } from './status.ts'

/** First and longest pause before new credentials are tried again, in milliseconds. */
export const RETRY = { base: 1_000, cap: 10_000 } as const

/** A refusal has the files looked at, at most so often, in milliseconds: the new credentials may be there already. */
const REFRESH_MS = 1_000

export interface RotationTimes {
  /** Milliseconds until an attempt without answer counts as failed. */
  readonly deadlineMs?: number | undefined
  /** Milliseconds between two looks at the files of credentials. */
  readonly pollMs?: number | undefined
  /** Milliseconds: first and longest pause before new credentials are tried again. */
  readonly retry?: { readonly base: number; readonly cap: number } | undefined
}

export interface RotatingOptions extends RotationTimes {
  readonly name: string
  readonly endpoint: EndpointOptions
  /** That a new connection is tried with. */
  readonly namespace: string
  readonly log: Log
  /** Told when {@link RotatingConnection.status} has changed. */
  readonly changed: () => void
}

/**
 * A connection whose credentials may change at any time. New ones get a connection of their own; it is tried, takes the
 * place of the one in use, and that one goes when its calls have their answers. Credentials that do not work change
 * nothing.
 */
export class RotatingConnection {
  readonly calls: TemporalCalls
  readonly #options: RotatingOptions
  readonly #source: CredentialSource
  readonly #namespaces = new Set<string>()
  readonly #closing = new Set<Connection>()
  readonly #state = new CallState()
  readonly #nap = new Nap()
  #inUse: Connection | undefined
  /** Those of `#inUse`. */
  #credentials: Credentials | undefined
  #rotating = false
  #closed = false
  #rotationError: string | undefined
  #sourceProblem: string | undefined
  #rotations = 0
  #failedRotations = 0
  #refreshedAt = -Infinity

  constructor(options: RotatingOptions) {
    this.#options = options
    this.#source = new CredentialSource({ endpoint: options.endpoint, log: options.log, pollMs: options.pollMs })
    this.calls = {
      start: (request) => this.#call(METHODS.start, request),
      signalWithStart: (request) => this.#call(METHODS.signalWithStart, request),
      signal: (request) => this.#call(METHODS.signal, request),
      cancel: (request) => this.#call(METHODS.cancel, request),
      terminate: (request) => this.#call(METHODS.terminate, request),
      describe: (request) => this.#call(METHODS.describe, request),
      close: () => this.close(),
    }
    this.#source.watch(() => this.#renewed())
    void this.#source.start()
    this.#renewed()
  }

  /** Adds a namespace to those that are reached by it. */
  serves(namespace: string): void {
    if (this.#namespaces.has(namespace)) return
    this.#namespaces.add(namespace)
    this.#options.changed()
  }

  status(): ConnectionStatus {
    const { name, endpoint } = this.#options
    const expiresAt = this.#credentials?.expiresAt
    const lastError = this.#rotationError ?? this.#sourceProblem ?? this.#state.error
    return {
      name,
      address: endpoint.address,
      namespaces: [...this.#namespaces],
      state: this.#state.state,
      rotations: this.#rotations,
      failedRotations: this.#failedRotations,
      ...(expiresAt !== undefined && { certificateExpiresAt: expiresAt }),
      ...(lastError !== undefined && { lastError }),
    }
  }

  /** Gives up the calls in flight and ends it. */
  async close(): Promise<void> {
    this.#closed = true
    this.#source.close()
    this.#nap.end()
    const all = [...this.#closing]
    if (this.#inUse !== undefined) all.push(this.#inUse)
    await Promise.all(all.map((connection) => connection.close()))
  }

  #call<Q extends { namespace?: string | null | undefined }, A>(method: Method<Q, A>, request: Q): Promise<A> {
    return this.#inUse?.unary(method, request) ?? this.#callLater(method, request)
  }

  /** The files of the credentials are being read for the first time, or they are of no use. */
  async #callLater<Q extends { namespace?: string | null | undefined }, A>(
    method: Method<Q, A>,
    request: Q,
  ): Promise<A> {
    await this.#source.start()
    if (this.#closed) throw closedError()
    if (this.#inUse !== undefined) return this.#inUse.unary(method, request)
    // As if Temporal had refused us: somebody has to act.
    throw new CallError(STATUS.UNAUTHENTICATED, this.status().lastError ?? 'there are no credentials')
  }

  /** The source has something to say: new credentials, or a problem. */
  #renewed(): void {
    const { problem } = this.#source
    if (problem !== undefined && problem !== this.#sourceProblem) this.#failedRotations++
    this.#sourceProblem = problem
    if (this.#rotating) this.#nap.end()
    else if (this.#wanted() !== undefined) void this.#rotate()
    this.#options.changed()
  }

  /** Credentials that are there and not in use. */
  #wanted(): Credentials | undefined {
    const { current } = this.#source
    return current === this.#credentials || this.#closed ? undefined : current
  }

  async #rotate(): Promise<void> {
    this.#rotating = true
    const { base, cap } = this.#options.retry ?? RETRY
    let tried: Credentials | undefined
    let failures = 0
    for (let wanted = this.#wanted(); wanted !== undefined; wanted = this.#wanted()) {
      failures = wanted === tried ? failures + 1 : 1
      tried = wanted
      const objection = await this.#try(wanted)
      if (objection === undefined) continue
      this.#failed(wanted, objection, failures)
      // What may have come meanwhile is tried at once.
      if (this.#wanted() === wanted) await this.#nap.take(backoff(failures, base, cap))
    }
    this.#rotating = false
  }

  /** Returns why the credentials were not put to use; undefined when they were, or when it is all over. */
  async #try(wanted: Credentials): Promise<string | undefined> {
    let next: Connection
    try {
      next = this.#connect(wanted)
    } catch (error) {
      return reasonOf(error)
    }
    const inUse = this.#inUse
    if (inUse === undefined) {
      this.#use(next, wanted)
      return undefined
    }
    this.#closing.add(next)
    const objection = await objectionTo(next, inUse, this.#options.namespace, this.#state.state === 'unavailable')
    this.#closing.delete(next)
    if (objection !== undefined || this.#closed) {
      await next.close()
      return this.#closed ? undefined : expired(wanted, objection)
    }
    this.#swap(inUse, next, wanted)
    return undefined
  }

  #swap(before: Connection, next: Connection, credentials: Credentials): void {
    const files = changedFiles(this.#credentials, credentials)
    this.#use(next, credentials)
    this.#closing.add(before)
    void before.drain().finally(() => this.#closing.delete(before))
    this.#rotations++
    this.#state.reset()
    const { name, endpoint, log, changed } = this.#options
    const until = credentials.expiresAt === undefined ? {} : { expires: new Date(credentials.expiresAt).toISOString() }
    log.info({ connection: name, address: endpoint.address, files, ...until }, 'Temporal takes the new credentials')
    changed()
  }

  #use(connection: Connection, credentials: Credentials): void {
    this.#inUse = connection
    this.#credentials = credentials
    this.#rotationError = undefined
  }

  #failed(wanted: Credentials, objection: string, failures: number): void {
    this.#failedRotations++
    this.#rotationError = objection
    const { name, endpoint, log, changed } = this.#options
    const files = changedFiles(this.#credentials, wanted)
    const fields = { connection: name, address: endpoint.address, files, reason: objection }
    if (failures > 1) log.debug(fields, 'still: new credentials for Temporal do not work')
    else if (this.#inUse === undefined) log.error(fields, 'the credentials for Temporal do not work')
    else log.error(fields, 'new credentials for Temporal do not work: those in use stay')
    changed()
  }

  #connect(credentials: Credentials): Connection {
    const { endpoint, deadlineMs } = this.#options
    const connection: Connection = new Connection({
      address: endpoint.address,
      credentials,
      deadlineMs: deadlineMs ?? ATTEMPT_DEADLINE_MS,
      ended: (error, method) => {
        // What the probe is told says little of what becomes of events.
        if (connection !== this.#inUse || method === METHODS.describeNamespace.path) return
        if (this.#state.observe(error)) this.#options.changed()
        if (error !== null && isRefusal(error)) this.#refresh()
      },
    })
    return connection
  }

  #refresh(): void {
    const now = performance.now()
    if (now - this.#refreshedAt < REFRESH_MS) return
    this.#refreshedAt = now
    void this.#source.refresh()
  }
}

/** A server that does not take a certificate often says no more than that the connection was closed. */
function expired({ expiresAt }: Credentials, objection: string | undefined): string | undefined {
  if (objection === undefined || expiresAt === undefined || expiresAt > Date.now()) return objection
  return `the certificate expired on ${new Date(expiresAt).toISOString()} (${objection})`
}
