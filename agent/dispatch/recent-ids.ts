/**
 * The last event ids seen, between `capacity` and twice that many. Two generations: when the young one is full the old
 * one is dropped whole, so forgetting costs nothing per id.
 */
export class RecentIds {
  readonly #capacity: number
  #young = new Set<string>()
  #old = new Set<string>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  has(id: string): boolean {
    return this.#young.has(id) || this.#old.has(id)
  }

  /** Forgets an id: its event was refused, so the same event may come again. */
  delete(id: string): void {
    this.#young.delete(id)
    this.#old.delete(id)
  }

  add(id: string): void {
    if (this.#young.size >= this.#capacity) {
      this.#old = this.#young
      this.#young = new Set()
    }
    this.#young.add(id)
  }
}
