import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Identity } from '../identity.ts'
import { RevocationFormatError } from './entry.ts'
import { parseList } from './list.ts'
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
  /** See {@link RevokedSet.has}. */
  has(identity: Identity, nowMs: number, shown?: Uint8Array): boolean
  /** Whether the absence of an identity means anything: false before the first read, and when the list is too old. */
  usable(): boolean
  /** See {@link RevokedSet.sweep}. */
  sweep(nowMs: number): Generator<void>
  status(): RevocationSourceStatus
  start?(): void
  close?(): void
}

/** A list that is as it must be, and has more entries than there is room for now. */
export class NoRoomError extends RevocationFormatError {}

/** Entries put into a set before requests get their turn: about a millisecond. */
const SLICE = 250

/**
 * The set of a list, built in slices of time. What is over already is left out.
 * @param room entries that it may have
 * @throws {RevocationFormatError} for a list that is not as it must be; {@link NoRoomError} for one that is too long
 */
export async function buildSet(text: string, nowMs: number, room: number): Promise<RevokedSet> {
  const set = new RevokedSet()
  let count = 0
  for (const entry of parseList(text)) {
    if (entry.until > nowMs) set.add(entry)
    if (set.size > room) throw new NoRoomError(`more than ${room} entries`)
    if (++count % SLICE === 0) await nextTurn()
  }
  return set
}
