import type { Identity } from '../identity.ts'
import type { RevocationEntry } from './entry.ts'
import { RevocationFormatError } from './entry.ts'
import { RevokedSet } from './revoked-set.ts'

/** Where revocations come from; a metric label, so the list is fixed. */
export type RevocationSourceName = 'file' | 'poll' | 'admin' | 'workflow'

/** State of one source, for /status and metrics. */
export interface RevocationSourceStatus {
  readonly source: RevocationSourceName
  /** Revocations that it brings now. */
  readonly entries: number
  /** Seconds since it was last known to be up to date; null before the first time, and for what is added in memory. */
  readonly ageS: number | null
  /** Why the latest read failed; absent after a success. Holds nothing of what was read. */
  readonly lastError?: string
  readonly fetches: { readonly ok: number; readonly failed: number }
}

/** A source of revocations at work. */
export interface RevocationSource {
  readonly entries: number
  has(identity: Identity, nowMs: number): boolean
  /** Whether the absence of an identity means anything: false before the first read, and when the list is too old. */
  usable(): boolean
  /** See {@link RevokedSet.sweep}. */
  sweep(nowMs: number): Generator<void>
  status(): RevocationSourceStatus
  start?(): void
  close?(): void
}

/** Puts entries of a list into a set, one by one, and stops at more than may be. What is over already is left out. */
export class SetBuilder {
  readonly set = new RevokedSet()
  readonly #nowMs: number
  readonly #room: number

  /** @param room entries that may be kept */
  constructor(nowMs: number, room: number) {
    this.#nowMs = nowMs
    this.#room = room
  }

  /** @throws {RevocationFormatError} when there are too many */
  add(entry: RevocationEntry): void {
    if (entry.until <= this.#nowMs) return
    this.set.add(entry)
    if (this.set.size > this.#room) throw new RevocationFormatError(`more than ${this.#room} entries`)
  }
}
