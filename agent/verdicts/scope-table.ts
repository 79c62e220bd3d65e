import { NO_VERDICT, type VerdictView } from '../rules/facts.ts'
import { merge } from './verdict.ts'

/** What is kept of a verdict; several of one key, for several providers, are chained. */
export interface Entry {
  readonly table: ScopeTable
  readonly key: string
  readonly provider: string | undefined
  view: VerdictView
  version: number
  /** Milliseconds since the epoch: from then on it says nothing. */
  expiresAt: number
  /** Milliseconds since the epoch: from then on its version need not be known any more either. */
  forgetAt: number
  next: Entry | undefined
}

/** The verdicts of one scope, by key. */
export class ScopeTable {
  readonly #moment: Float64Array
  readonly #entries = new Map<string, Entry>()

  /**
   * @param moment one number, the time of the lookup in milliseconds since the epoch, set before it. Not a parameter of
   * `find`: a number that is handed from function to function becomes an object wherever the compiler inlines none
   */
  constructor(moment: Float64Array) {
    this.#moment = moment
  }

  get size(): number {
    return this.#entries.size
  }

  *[Symbol.iterator](): Generator<Entry> {
    for (const first of this.#entries.values()) {
      for (let at: Entry | undefined = first; at !== undefined; at = at.next) yield at
    }
  }

  /** The entry of exactly this key and provider. */
  get(key: string, provider: string | undefined): Entry | undefined {
    let at = this.#entries.get(key)
    while (at !== undefined && at.provider !== provider) at = at.next
    return at
  }

  /** Puts an entry in that has none of its key and provider beside it. Those for one provider stand first. */
  add(entry: Entry): void {
    const first = this.#entries.get(entry.key)
    if (first !== undefined && entry.provider === undefined) {
      let last = first
      while (last.next !== undefined) last = last.next
      last.next = entry
    } else {
      entry.next = first
      this.#entries.set(entry.key, entry)
    }
  }

  delete(entry: Entry): void {
    const first = this.#entries.get(entry.key)
    if (first === entry) {
      if (entry.next === undefined) this.#entries.delete(entry.key)
      else this.#entries.set(entry.key, entry.next)
      return
    }
    let before = first
    while (before !== undefined && before.next !== entry) before = before.next
    if (before !== undefined) before.next = entry.next
  }

  /** What is known about a key of somebody whom `provider` has proven, that for him alone first. */
  find(key: string, provider: string | undefined): VerdictView {
    const now = this.#moment[0] ?? 0
    let view = NO_VERDICT
    for (let at = this.#entries.get(key); at !== undefined; at = at.next) {
      const fits = at.provider === undefined || at.provider === provider
      if (fits && at.expiresAt > now) view = merge(view, at.view)
    }
    return view
  }
}
