import { setImmediate as nextTurn } from 'node:timers/promises'
import type { TokenCache } from './token-cache.ts'

/** Entries looked at before requests get their turn: some hundred microseconds. */
const SLICE = 2000

/** Empties a cache of what removed keys have verified, in slices: it may have tens of thousands of entries. */
export class CachePurge {
  readonly #cache: Pick<TokenCache, 'purge'>
  #wanted = false
  #running = false

  constructor(cache: Pick<TokenCache, 'purge'>) {
    this.#cache = cache
  }

  /** Begins at once; a call meanwhile has it done once more. Never rejects. */
  async run(): Promise<void> {
    this.#wanted = true
    if (this.#running) return
    this.#running = true
    while (this.#wanted) {
      this.#wanted = false
      let looked = 0
      for (const _ of this.#cache.purge()) if (++looked % SLICE === 0) await nextTurn()
    }
    this.#running = false
  }
}
