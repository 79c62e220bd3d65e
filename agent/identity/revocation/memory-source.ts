import type { Identity } from '../identity.ts'
import type { RevocationEntry } from './entry.ts'
import { RevokedSet } from './revoked-set.ts'
import type { RevocationSource, RevocationSourceName, RevocationSourceStatus } from './source.ts'

/** Revocations added while the agent runs. They are this process's alone and end with it. */
export class MemorySource implements RevocationSource {
  readonly #set = new RevokedSet()
  readonly #name: RevocationSourceName
  readonly #fetches = { ok: 0, failed: 0 }

  constructor(name: RevocationSourceName) {
    this.#name = name
  }

  get entries(): number {
    return this.#set.size
  }

  has(identity: Identity, nowMs: number, shown?: Uint8Array): boolean {
    return this.#set.has(identity, nowMs, shown)
  }

  usable(): boolean {
    return true
  }

  /** @returns false, and counts it, when there is no room */
  add(entry: RevocationEntry, room: number): boolean {
    if (room <= 0) {
      this.#fetches.failed++
      return false
    }
    this.#set.add(entry)
    this.#fetches.ok++
    return true
  }

  /**
   * Puts an entry in the place of all that were added for the same name, issuer and provider: room is needed only where
   * there was none.
   * @returns false, and counts it, when there is no room
   */
  replace(entry: RevocationEntry, room: number): boolean {
    return this.add(entry, this.#set.remove(entry) ? Infinity : room)
  }

  remove(entry: RevocationEntry): boolean {
    return this.#set.remove(entry)
  }

  sweep(nowMs: number): Generator<void> {
    return this.#set.sweep(nowMs)
  }

  status(): RevocationSourceStatus {
    return { source: this.#name, entries: this.#set.size, ageS: null, fetches: { ...this.#fetches } }
  }
}
