import { WatchedFile } from '../../secrets/secret-file.ts'
import type { Identity } from '../identity.ts'
import type { Log } from '../log.ts'
import { RevocationFormatError } from './entry.ts'
import { RevokedSet } from './revoked-set.ts'
import { buildSet, NoRoomError, type RevocationSource, type RevocationSourceStatus } from './source.ts'

/** Milliseconds between two looks at the file: sooner than for secrets, somebody waits for it to take effect. */
const POLL_MS = 2000

export interface FileSourceOptions {
  readonly path: string
  readonly log: Log
  readonly now: () => number
  readonly monotonicMs: () => number
  /** Entries that the list may have now. */
  readonly room: () => number
  readonly pollMs?: number
}

/**
 * A list in a file, read again when it changes. It is taken as a whole or not at all: with a line that cannot be read, the
 * list as it was stays, for half of a list would let through what the other half revokes.
 */
export class FileSource implements RevocationSource {
  readonly #options: FileSourceOptions
  readonly #file: WatchedFile<string>
  readonly #fetches = { ok: 0, failed: 0 }
  #set = new RevokedSet()
  #readAt: number | undefined
  #listError: string | undefined
  #latest = 0
  /** The list that there was no room for: the file is not read again until it changes. */
  #waiting: string | undefined

  constructor(options: FileSourceOptions) {
    this.#options = options
    this.#file = new WatchedFile({
      path: options.path,
      log: options.log,
      pollMs: options.pollMs ?? POLL_MS,
      parse: (text) => {
        void this.#take(text, ++this.#latest)
        return ''
      },
    })
  }

  get entries(): number {
    return this.#set.size
  }

  has(identity: Identity, nowMs: number, shown?: Uint8Array): boolean {
    return this.#set.has(identity, nowMs, shown)
  }

  /** A file that was read once does not grow old: whoever writes it is on this machine. */
  usable(): boolean {
    return this.#readAt !== undefined
  }

  /** Tries again with a list that there was no room for: there may be some by now. */
  sweep(nowMs: number): Generator<void> {
    if (this.#waiting !== undefined) void this.#take(this.#waiting, ++this.#latest)
    return this.#set.sweep(nowMs)
  }

  status(): RevocationSourceStatus {
    const lastError = this.#file.lastError ?? this.#listError
    return {
      source: 'file',
      entries: this.#set.size,
      ageS: this.#readAt === undefined ? null : (this.#options.monotonicMs() - this.#readAt) / 1000,
      ...(lastError === undefined ? {} : { lastError }),
      fetches: { ...this.#fetches },
    }
  }

  start(): void {
    void this.#file.start()
  }

  close(): void {
    this.#file.close()
  }

  /** Makes the list the one that holds, unless a newer one has come meanwhile. Never rejects. */
  async #take(text: string, number: number): Promise<void> {
    const { now, room, monotonicMs, log } = this.#options
    this.#waiting = undefined
    try {
      const set = await buildSet(text, now(), room())
      if (number !== this.#latest) return
      this.#set = set
      this.#readAt = monotonicMs()
      this.#listError = undefined
      this.#fetches.ok++
      log.info({ source: 'file', entries: set.size }, 'revocations read')
    } catch (error) {
      if (number !== this.#latest) return
      this.#fetches.failed++
      if (error instanceof NoRoomError) this.#waiting = text
      // Messages of other errors may quote what was read.
      const known = error instanceof RevocationFormatError
      this.#listError = known ? error.message : 'unexpected error while reading revocations'
      log.warn({ source: 'file', error: this.#listError }, 'revocations not read: the last ones stay')
    }
  }
}
