import { WatchedFile } from '../../secrets/secret-file.ts'
import type { Identity } from '../identity.ts'
import type { Log } from '../log.ts'
import { parseList } from './list.ts'
import { RevokedSet } from './revoked-set.ts'
import { type RevocationSource, type RevocationSourceStatus, SetBuilder } from './source.ts'

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
  readonly #file: WatchedFile<RevokedSet>
  readonly #monotonicMs: () => number
  readonly #fetches = { ok: 0, failed: 0 }
  #set = new RevokedSet()
  #readAt: number | undefined

  constructor({ path, log, now, monotonicMs, room, pollMs }: FileSourceOptions) {
    this.#monotonicMs = monotonicMs
    this.#file = new WatchedFile({
      path,
      log,
      pollMs: pollMs ?? POLL_MS,
      parse: (text) => {
        try {
          const builder = new SetBuilder(now(), room())
          for (const entry of parseList(text)) builder.add(entry)
          this.#set = builder.set
        } catch (error) {
          this.#fetches.failed++
          throw error
        }
        this.#fetches.ok++
        this.#readAt = monotonicMs()
        log.info({ source: 'file', entries: this.#set.size }, 'revocations read')
        return this.#set
      },
    })
  }

  get entries(): number {
    return this.#set.size
  }

  has(identity: Identity, nowMs: number): boolean {
    return this.#set.has(identity, nowMs)
  }

  /** A file that was read once does not grow old: whoever writes it is on this machine. */
  usable(): boolean {
    return this.#readAt !== undefined
  }

  sweep(nowMs: number): Generator<void> {
    return this.#set.sweep(nowMs)
  }

  status(): RevocationSourceStatus {
    const { lastError } = this.#file
    return {
      source: 'file',
      entries: this.#set.size,
      ageS: this.#readAt === undefined ? null : (this.#monotonicMs() - this.#readAt) / 1000,
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
}
