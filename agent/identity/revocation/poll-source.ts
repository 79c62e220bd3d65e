import { readFile } from 'node:fs/promises'
import type { RevocationSettings } from '../../config/revocation.ts'
import { SecretSource } from '../../secrets/secret-file.ts'
import { FetchError } from '../http/fetch-error.ts'
import { httpRequest } from '../http/request.ts'
import type { Identity } from '../identity.ts'
import type { Log } from '../log.ts'
import { backoffMs, keyLimits } from '../refresh-times.ts'
import { RevocationFormatError } from './entry.ts'
import { RevokedSet } from './revoked-set.ts'
import { buildSet, type RevocationSource, type RevocationSourceStatus } from './source.ts'

export interface PollSourceOptions {
  readonly settings: NonNullable<RevocationSettings['poll']>
  readonly log: Log
  readonly now: () => number
  readonly monotonicMs: () => number
  /** Entries that the list may have now. */
  readonly room: () => number
}

/**
 * A list asked for again and again, by ETag where the server gives one (RFC 9110 section 13.1.2). It is taken as a whole
 * or not at all; a failure leaves the last one in place, until it is too old to mean anything.
 */
export class PollSource implements RevocationSource {
  readonly #options: PollSourceOptions
  readonly #token: SecretSource | undefined
  readonly #closed = new AbortController()
  readonly #fetches = { ok: 0, failed: 0 }
  #set = new RevokedSet()
  #etag: string | undefined
  #freshAt: number | undefined
  #failures = 0
  #lastError: string | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: PollSourceOptions) {
    this.#options = options
    if (options.settings.token !== undefined) this.#token = new SecretSource(options.settings.token, options.log)
  }

  get entries(): number {
    return this.#set.size
  }

  has(identity: Identity, nowMs: number, shown?: Uint8Array): boolean {
    return this.#set.has(identity, nowMs, shown)
  }

  usable(): boolean {
    return this.#freshAt !== undefined && this.#options.monotonicMs() - this.#freshAt <= this.#options.settings.maxAge
  }

  sweep(nowMs: number): Generator<void> {
    return this.#set.sweep(nowMs)
  }

  status(): RevocationSourceStatus {
    return {
      source: 'poll',
      entries: this.#set.size,
      ageS: this.#freshAt === undefined ? null : (this.#options.monotonicMs() - this.#freshAt) / 1000,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
      fetches: { ...this.#fetches },
    }
  }

  start(): void {
    void this.#begin()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#closed.abort()
    this.#token?.close()
  }

  /** Asks once. Never rejects. @returns milliseconds until the next time */
  async refresh(): Promise<number> {
    const { settings, log, monotonicMs } = this.#options
    try {
      const asked = monotonicMs()
      await this.#load()
      // The list is as old as the question, not as its answer.
      this.#freshAt = asked
      this.#fetches.ok++
      this.#failures = 0
      this.#lastError = undefined
      // A fleet that was started at once need not ask at once for ever.
      return settings.every * (0.9 + Math.random() * 0.1)
    } catch (error) {
      if (this.#closed.signal.aborted) return settings.every
      this.#fetches.failed++
      this.#failures++
      const known = error instanceof FetchError || error instanceof RevocationFormatError
      // Messages of other errors may quote what the peer sent.
      this.#lastError = known ? error.message : 'unexpected error while reading revocations'
      const limits = { ...keyLimits, maxBackoffMs: settings.every }
      const pause = backoffMs(this.#failures, limits, Math.random())
      const fields = { error: this.#lastError, failures: this.#failures, retryInMs: Math.round(pause) }
      log.warn(fields, 'fetching revocations failed: the last ones stay')
      return pause
    }
  }

  async #begin(): Promise<void> {
    await this.#token?.start()
    await this.#loop()
  }

  async #loop(): Promise<void> {
    if (this.#closed.signal.aborted) return
    const pause = await this.refresh()
    if (this.#closed.signal.aborted) return
    this.#timer = setTimeout(() => void this.#loop(), pause)
    this.#timer.unref()
  }

  async #load(): Promise<void> {
    const { settings, now, room, log } = this.#options
    const token = this.#token?.current
    if (this.#token !== undefined && token === undefined) throw new FetchError('the token cannot be read')
    const { status, headers, text } = await httpRequest(new URL(settings.url), {
      headers: {
        accept: 'application/x-ndjson, application/json',
        ...(this.#etag === undefined ? {} : { 'if-none-match': this.#etag }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` }),
      },
      timeoutMs: settings.timeout,
      maxBytes: settings.maxBytes,
      ca: settings.caFile === undefined ? undefined : await readCa(settings.caFile),
      proxy: settings.proxy === undefined || settings.proxy === 'env' ? settings.proxy : new URL(settings.proxy),
      signal: this.#closed.signal,
      answerHeaders: ['etag', 'content-length', 'transfer-encoding'],
    })
    // Asked for only with an ETag; without one it would say nothing.
    if (status === 304 && this.#etag !== undefined) return
    if (status >= 300 && status < 400) throw new FetchError(`HTTP ${status}: redirects are not followed`, { status })
    if (status !== 200) throw new FetchError(`HTTP ${status}`, { status })
    if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) {
      // One that is cut off between two lines, by a server that fails or somebody on the way, would look whole.
      throw new FetchError('the answer does not say where it ends: send Content-Length, or chunks', { status })
    }
    this.#set = await buildSet(text, now(), room())
    this.#etag = headers['etag']
    log.info({ source: 'poll', entries: this.#set.size }, 'revocations read')
  }
}

async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    throw new FetchError('caFile cannot be read')
  }
}
