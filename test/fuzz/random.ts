/** xorshift128: two shifts a number, no allocation, and the same numbers for the same seed on every machine. */
export class Random {
  #a = 1
  #b = 2
  #c = 3
  #d = 4

  /** Starts the sequence of one case of one run. */
  seed(run: number, index: number): void {
    this.#a = Math.imul(run ^ 0x9e3779b9, 0x85ebca6b) | 1
    this.#b = Math.imul(index + 1, 0xc2b2ae35) ^ Math.floor(index / 2 ** 32)
    this.#c = this.#a ^ (this.#b >>> 15)
    this.#d = 0x27d4eb2f
    for (let i = 0; i < 8; i++) this.next()
  }

  /** 0 to 2^32-1. */
  next(): number {
    let t = this.#d
    const s = this.#a
    this.#d = this.#c
    this.#c = this.#b
    this.#b = s
    t ^= t << 11
    t ^= t >>> 8
    this.#a = t ^ s ^ (s >>> 19)
    return this.#a >>> 0
  }

  /** 0 to limit-1. */
  below(limit: number): number {
    return this.next() % limit
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.next() % times === 0
  }

  pick<T>(list: readonly T[]): T {
    return list[this.next() % list.length]!
  }
}
