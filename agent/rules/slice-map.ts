interface Entry<T> {
  readonly hash: number
  readonly text: string
  readonly value: T
  /** The one to look at after this. */
  next: Entry<T> | undefined
}

/** Up to so many entries are one chain: most maps are small, and thousands of them should stay in the caches. */
const CHAIN = 4

/**
 * A map from texts that is asked about a part of a longer string without cutting it out, which would allocate. The hash
 * is the caller's to compute, once for many maps. Only the configuration puts texts in, so nobody who sends requests can
 * make entries collide.
 */
export class SliceMap<T> {
  #first: Entry<T> | undefined
  #byHash: Map<number, Entry<T>> | undefined

  get isEmpty(): boolean {
    return this.#first === undefined
  }

  /** @param hash `hashOf(text, from, to)` */
  get(hash: number, text: string, from: number, to: number): T | undefined {
    let entry = this.#byHash === undefined ? this.#first : this.#byHash.get(hash)
    while (entry !== undefined) {
      if (entry.hash === hash && entry.text.length === to - from && text.startsWith(entry.text, from))
        return entry.value
      entry = entry.next
    }
    return undefined
  }

  getOrAdd(text: string, make: () => T): T {
    const hash = hashOf(text, 0, text.length)
    const known = this.get(hash, text, 0, text.length)
    if (known !== undefined) return known
    const value = make()
    if (this.#byHash === undefined) {
      this.#first = { hash, text, value, next: this.#first }
      this.#split()
    } else {
      this.#byHash.set(hash, { hash, text, value, next: this.#byHash.get(hash) })
    }
    return value
  }

  /** Makes a chain that has grown too long into one for each hash. */
  #split(): void {
    const entries: Entry<T>[] = []
    for (let entry = this.#first; entry !== undefined; entry = entry.next) entries.push(entry)
    if (entries.length <= CHAIN) return
    this.#byHash = new Map()
    for (const entry of entries) {
      entry.next = this.#byHash.get(entry.hash)
      this.#byHash.set(entry.hash, entry)
    }
  }
}

/** FNV-1a over UTF-16 units, 32 bits with sign. Costs what the part is long. */
export function hashOf(text: string, from: number, to: number): number {
  let hash = 0x811c9dc5 | 0
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}
