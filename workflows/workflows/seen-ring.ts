/** Default: with JSON around them, and a chunk ring beside them, ids stay under the server's 512 KB payload warning. */
const MAX_CHARS = 300_000

/**
 * Remembers the last ids that went through an entity, so that a record delivered again is not counted again. Bounded by
 * number and by size, oldest out first. Survives continue-as-new as an array: a Set would serialise to `{}`.
 */
export class SeenRing {
  readonly #capacity: number
  readonly #maxChars: number
  readonly #ids = new Set<string>()
  /** Ids in order of arrival; those before `#head` are forgotten already. */
  #order: string[] = []
  #head = 0
  #chars = 0

  /**
   * @param capacity how many ids to remember, 1 or more
   * @param ids what an earlier ring remembered, oldest first
   * @param maxChars characters of all ids together; the last one is remembered however long it is
   */
  constructor(capacity: number, ids: readonly string[] = [], maxChars = MAX_CHARS) {
    if (!(capacity >= 1)) throw new RangeError(`capacity must be 1 or more, not ${capacity}`)
    this.#capacity = capacity
    this.#maxChars = maxChars
    for (const id of ids) this.add(id)
  }

  get size(): number {
    return this.#ids.size
  }

  /** Remembers an id. False when it was remembered already. */
  add(id: string): boolean {
    if (this.#ids.has(id)) return false
    this.#ids.add(id)
    this.#order.push(id)
    this.#chars += id.length
    while (this.#ids.size > this.#capacity || (this.#chars > this.#maxChars && this.#ids.size > 1)) this.#forgetOldest()
    return true
  }

  /** The ids, oldest first: what the next run starts from. */
  toArray(): string[] {
    return this.#order.slice(this.#head)
  }

  #forgetOldest(): void {
    const oldest = this.#order[this.#head] as string
    this.#ids.delete(oldest)
    this.#chars -= oldest.length
    this.#head += 1
    // Shifting the array on every id would cost its whole length; now and then is enough.
    if (this.#head > this.#capacity) {
      this.#order = this.#order.slice(this.#head)
      this.#head = 0
    }
  }
}
