/** A range of addresses of one family, both ends within it. */
export interface AddressRange {
  readonly low: bigint
  readonly high: bigint
}

/**
 * Ranges of addresses, each address `words` numbers of 32 bits. Sorted, and those that touch or overlap are one: an
 * address is found by halving, so that thousands of networks cost about what ten do. Asking makes no garbage.
 */
export class AddressRanges {
  readonly #words: number
  readonly #count: number
  readonly #lows: Uint32Array
  readonly #highs: Uint32Array

  constructor(words: number, ranges: readonly AddressRange[]) {
    const merged = merge(ranges)
    this.#words = words
    this.#count = merged.length
    this.#lows = new Uint32Array(merged.length * words)
    this.#highs = new Uint32Array(merged.length * words)
    for (const [i, { low, high }] of merged.entries()) {
      write(low, this.#lows, i * words, words)
      write(high, this.#highs, i * words, words)
    }
  }

  /** @param address its words, the highest first */
  has(address: Uint32Array): boolean {
    let from = 0
    let to = this.#count
    while (from < to) {
      const middle = (from + to) >>> 1
      if (this.#compare(address, this.#lows, middle) < 0) to = middle
      else from = middle + 1
    }
    return from > 0 && this.#compare(address, this.#highs, from - 1) <= 0
  }

  #compare(address: Uint32Array, bounds: Uint32Array, index: number): number {
    const at = index * this.#words
    for (let i = 0; i < this.#words; i++) {
      const difference = (address[i] ?? 0) - (bounds[at + i] ?? 0)
      if (difference !== 0) return difference
    }
    return 0
  }
}

function merge(ranges: readonly AddressRange[]): AddressRange[] {
  const merged: { low: bigint; high: bigint }[] = []
  for (const { low, high } of ranges.toSorted((a, b) => (a.low < b.low ? -1 : a.low > b.low ? 1 : 0))) {
    const last = merged.at(-1)
    if (last === undefined || low > last.high + 1n) merged.push({ low, high })
    else if (high > last.high) last.high = high
  }
  return merged
}

function write(value: bigint, into: Uint32Array, at: number, words: number): void {
  for (let i = 0; i < words; i++) into[at + i] = Number((value >> BigInt(32 * (words - 1 - i))) & 0xffff_ffffn)
}
