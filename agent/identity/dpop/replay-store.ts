import { hash } from 'node:crypto'

export interface ReplayLimits {
  /** Proofs remembered at once, about 150 bytes each. */
  readonly maxEntries: number
  /** Of these, proofs of one key: a single client must not fill the store for all others. */
  readonly maxPerKey: number
}

export const replayLimits: ReplayLimits = { maxEntries: 500_000, maxPerKey: 50_000 }

/** What became of a proof: `full` and `busy` mean that it could not be remembered, so it must not count. */
export type Remembering = 'new' | 'replayed' | 'full' | 'busy'

/** Milliseconds. Entries whose time ends within the same slice are dropped together. */
const SLICE_MS = 10_000

/** Milliseconds. Clocks are set back by some seconds now and then, and proofs that were too old are young again. */
const KEPT_LONGER_MS = 60_000

/**
 * The proofs seen, for as long as each could be shown again. When it is full, further proofs are refused: dropping an old
 * one would let whoever can fill the store replay what he likes.
 */
export class ReplayStore {
  /** Proofs that found no room, since the start. */
  refusals = 0
  readonly #limits: ReplayLimits
  readonly #seen = new Set<string>()
  readonly #perKey = new Map<string, number>()
  /** By the slice in which they end: entries and their keys, in turns. */
  readonly #slices = new Map<number, string[]>()
  #oldest = Number.POSITIVE_INFINITY

  constructor(limits: ReplayLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#seen.size
  }

  /**
   * @param thumbprint of the key that signed the proof: identifiers of different keys do not meet
   * @param jti the proof's own identifier
   * @param untilMs milliseconds since the epoch after which the proof is refused by its age
   */
  remember(thumbprint: string, jti: string, untilMs: number, nowMs: number): Remembering {
    this.#expire(nowMs)
    // Hashed, an entry is small whatever the jti.
    const id = hash('sha256', `${thumbprint}.${jti}`, 'binary')
    if (this.#seen.has(id)) return 'replayed'
    const ofKey = this.#perKey.get(thumbprint) ?? 0
    if (this.#seen.size >= this.#limits.maxEntries) return this.#refuse('full')
    if (ofKey >= this.#limits.maxPerKey) return this.#refuse('busy')
    this.#seen.add(id)
    this.#perKey.set(thumbprint, ofKey + 1)
    const slice = Math.floor((untilMs + KEPT_LONGER_MS) / SLICE_MS)
    const entries = this.#slices.get(slice)
    if (entries === undefined) this.#slices.set(slice, [id, thumbprint])
    else entries.push(id, thumbprint)
    this.#oldest = Math.min(this.#oldest, slice)
    return 'new'
  }

  #refuse(why: 'full' | 'busy'): Remembering {
    this.refusals++
    return why
  }

  /** Drops the slices that have ended whole. */
  #expire(nowMs: number): void {
    const current = Math.floor(nowMs / SLICE_MS)
    if (this.#oldest >= current) return
    for (const [slice, entries] of this.#slices) {
      if (slice < current) {
        this.#forget(entries)
        this.#slices.delete(slice)
      }
    }
    this.#oldest = Math.min(...this.#slices.keys())
  }

  #forget(entries: readonly string[]): void {
    for (let i = 0; i < entries.length; i += 2) {
      this.#seen.delete(entries[i] ?? '')
      const thumbprint = entries[i + 1] ?? ''
      const left = (this.#perKey.get(thumbprint) ?? 1) - 1
      if (left === 0) this.#perKey.delete(thumbprint)
      else this.#perKey.set(thumbprint, left)
    }
  }
}
