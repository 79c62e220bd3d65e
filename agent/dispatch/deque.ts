/** A double-ended queue in a ring: constant time at both ends, shrinks when a burst is over. */
export class Deque<T> {
  #ring = slots<T>(MIN)
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The front element, left where it is. */
  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#ring[this.#head]
  }

  push(value: T): void {
    if (this.#size === this.#ring.length) this.#resize(this.#size * 2)
    this.#ring[(this.#head + this.#size) & (this.#ring.length - 1)] = value
    this.#size++
  }

  pushFront(value: T): void {
    if (this.#size === this.#ring.length) this.#resize(this.#size * 2)
    this.#head = (this.#head - 1) & (this.#ring.length - 1)
    this.#ring[this.#head] = value
    this.#size++
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined
    const value = this.#ring[this.#head]
    this.#ring[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#ring.length - 1)
    this.#size--
    // A quarter, not a half: a queue that hovers around a power of two must not copy at every step.
    if (this.#ring.length > MIN && this.#size === this.#ring.length >> 2) this.#resize(this.#ring.length >> 1)
    return value
  }

  /** Drops the elements for which `keep` is false; the others stay in order. Every element is looked at. */
  retain(keep: (value: T) => boolean): void {
    for (let left = this.#size; left > 0; left--) {
      const value = this.shift() as T
      if (keep(value)) this.push(value)
    }
  }

  #resize(length: number): void {
    const ring = slots<T>(length)
    for (let i = 0; i < this.#size; i++) ring[i] = this.#ring[(this.#head + i) & (this.#ring.length - 1)]
    this.#ring = ring
    this.#head = 0
  }
}

/** Ring lengths are powers of two, so that the index wraps with a mask. */
const MIN = 8

function slots<T>(length: number): (T | undefined)[] {
  return Array.from({ length })
}
