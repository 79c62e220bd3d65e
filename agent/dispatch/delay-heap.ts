/** Values that wait for a moment, the earliest first: a binary heap. */
export class DelayHeap<T> {
  #heap: { readonly value: T; readonly due: number }[] = []

  get size(): number {
    return this.#heap.length
  }

  /** When the earliest value is due, in the unit of `push`; undefined when empty. */
  firstDue(): number | undefined {
    return this.#heap[0]?.due
  }

  push(value: T, due: number): void {
    const heap = this.#heap
    const item = { value, due }
    let at = heap.push(item) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || above.due <= due) break
      heap[at] = above
      at = parent
    }
    heap[at] = item
  }

  /** Takes the earliest value out if it is due by `now`. */
  popDue(now: number): T | undefined {
    const first = this.#heap[0]
    if (first === undefined || first.due > now) return undefined
    const last = this.#heap.pop()
    if (last !== undefined && this.#heap.length > 0) this.#sink(last)
    return first.value
  }

  /** Drops the values for which `keep` is false. Every value is looked at. */
  retain(keep: (value: T) => boolean): void {
    const all = this.#heap
    this.#heap = []
    for (const { value, due } of all) if (keep(value)) this.push(value, due)
  }

  #sink(item: { readonly value: T; readonly due: number }): void {
    const heap = this.#heap
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const right = left + 1
      const child = (heap[right]?.due ?? Infinity) < (heap[left]?.due ?? Infinity) ? right : left
      const below = heap[child]
      if (below === undefined || below.due >= item.due) break
      heap[at] = below
      at = child
    }
    heap[at] = item
  }
}
