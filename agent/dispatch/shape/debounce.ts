import type { Debounce } from '../command.ts'
import { DelayHeap } from '../delay-heap.ts'

interface Held<T> {
  item: T
  due: number
  /** When it goes at the latest. */
  readonly last: number
}

/** Holds the last item of each key until there was no other for a while, or for long enough. Times are milliseconds. */
export class Debouncer<T> {
  readonly #settings: Debounce
  readonly #held = new Map<string, Held<T>>()
  /** Each key once, at the time at which it was due when it was put there: later items have moved it since. */
  #queue = new DelayHeap<string>()

  constructor(settings: Debounce) {
    this.#settings = settings
  }

  get size(): number {
    return this.#held.size
  }

  /** Holds an item. Returns the one whose place it takes. */
  offer(item: T, key: string, now: number): T | undefined {
    const { waitMs, maxWaitMs } = this.#settings
    const held = this.#held.get(key)
    if (held !== undefined) {
      const replaced = held.item
      held.item = item
      held.due = Math.min(now + waitMs, held.last)
      return replaced
    }
    const last = now + maxWaitMs
    const due = Math.min(now + waitMs, last)
    this.#held.set(key, { item, due, last })
    this.#queue.push(key, due)
    return undefined
  }

  /** Takes out what is due, what was due first in front. */
  due(now: number): T[] {
    const items: T[] = []
    for (;;) {
      const key = this.#queue.popDue(now)
      if (key === undefined) return items
      const held = this.#held.get(key)
      if (held === undefined) continue
      if (held.due > now) {
        this.#queue.push(key, held.due)
        continue
      }
      this.#held.delete(key)
      items.push(held.item)
    }
  }

  /** When to ask for what is due: never too late, perhaps too early. */
  nextDue(): number | undefined {
    return this.#queue.firstDue()
  }

  /** Takes out everything, due or not. */
  takeAll(): T[] {
    const items = [...this.#held.values()].map(({ item }) => item)
    this.#held.clear()
    this.#queue = new DelayHeap()
    return items
  }
}
