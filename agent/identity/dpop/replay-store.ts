import { hash } from 'node:crypto'

export interface ReplayLimits {
  /** Proofs remembered at once, about 250 bytes each. */
  readonly maxEntries: number
  /** Of these, proofs of one key: a single client must not fill the store for all others. */
  readonly maxPerKey: number
}

export const replayLimits: ReplayLimits = { maxEntries: 300_000, maxPerKey: 30_000 }

export interface SeenProof {
  readonly thumbprint: string
  readonly jti: string
  readonly request: string
  readonly untilMs: number
}

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
  /** Proofs that were refused since the start: seen before, no room at all, no room for this key. */
  readonly refused = { replayed: 0, full: 0, busy: 0 }
  readonly #limits: ReplayLimits
  /** By a hash of key and jti: the request that the proof came with. */
  readonly #seen = new Map<string, string>()
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
   * @param proof its `thumbprint` names the key that signed it (identifiers of different keys do not meet), `jti` itself,
   * `request` the request that it came with: asked about once more, that one is no replay. After `untilMs`, milliseconds
   * since the epoch, the proof is refused by its age.
   * @param nowMs milliseconds since the epoch, by a clock whose jumps ahead do not count: see `SteadyClock`
   */
  remember(proof: SeenProof, nowMs: number): Remembering {
    const { thumbprint, jti, request, untilMs } = proof
    this.#expire(nowMs)
    // Hashed, an entry is small whatever the jti.
    const id = hash('sha256', `${thumbprint}.${jti}`, 'binary')
    const before = this.#seen.get(id)
    if (before !== undefined) return before === request ? 'new' : this.#refuse('replayed')
    const ofKey = this.#perKey.get(thumbprint) ?? 0
    if (this.#seen.size >= this.#limits.maxEntries) return this.#refuse('full')
    if (ofKey >= this.#limits.maxPerKey) return this.#refuse('busy')
    this.#seen.set(id, request)
    this.#perKey.set(thumbprint, ofKey + 1)
    const slice = Math.floor((untilMs + KEPT_LONGER_MS) / SLICE_MS)
    const entries = this.#slices.get(slice)
    if (entries === undefined) this.#slices.set(slice, [id, thumbprint])
    else entries.push(id, thumbprint)
    this.#oldest = Math.min(this.#oldest, slice)
    return 'new'
  }

  #refuse(why: 'replayed' | 'full' | 'busy'): Remembering {
    this.refused[why]++
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
