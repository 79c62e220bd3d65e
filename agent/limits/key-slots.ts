import { boundedKey, ownCopy } from './bounded-key.ts'

/** The slot that belongs to nobody. */
export const NOBODY = 0
const FIRST_CAPACITY = 64

/**
 * Numbers from 1 on for keys, in order of use, at most `maxKeys`; users keep what they know of a key in arrays by that
 * number. Finding a known key makes no garbage, one of more than 128 characters apart.
 */
export class KeySlots {
  readonly #maxKeys: number
  readonly #slots = new Map<string, number>()
  /** By slot. */
  readonly #keys: string[] = ['']
  #newer = new Int32Array(FIRST_CAPACITY)
  #older = new Int32Array(FIRST_CAPACITY)
  #newest = NOBODY
  #oldest = NOBODY

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys
  }

  get size(): number {
    return this.#slots.size
  }

  get isFull(): boolean {
    return this.size >= this.#maxKeys
  }

  /** Slots that there is room for, {@link NOBODY} among them. */
  get capacity(): number {
    return this.#newer.length
  }

  /** The least recently used one; {@link NOBODY} when there is none. */
  get oldest(): number {
    return this.#oldest
  }

  /** The slot of a key; {@link NOBODY} when it has none. */
  find(key: string): number {
    return this.#slots.get(boundedKey(key)) ?? NOBODY
  }

  /** Makes a slot the most recently used one. */
  touch(slot: number): void {
    if (slot === this.#newest) return
    this.#unlink(slot)
    this.#link(slot)
  }

  /** A slot for a key that has none: when all are taken, that of the least recently used key, which is forgotten. */
  claim(key: string): number {
    const own = ownCopy(boundedKey(key))
    let slot = this.size + 1
    if (this.isFull) {
      slot = this.#oldest
      this.#slots.delete(this.#keys[slot] ?? '')
      this.#unlink(slot)
    } else if (slot >= this.capacity) {
      this.#grow()
    }
    this.#slots.set(own, slot)
    this.#keys[slot] = own
    this.#link(slot)
    return slot
  }

  #grow(): void {
    const capacity = Math.min(this.capacity * 2, this.#maxKeys + 1)
    this.#newer = grown(this.#newer, capacity)
    this.#older = grown(this.#older, capacity)
  }

  #link(slot: number): void {
    this.#newer[slot] = NOBODY
    this.#older[slot] = this.#newest
    if (this.#newest === NOBODY) this.#oldest = slot
    else this.#newer[this.#newest] = slot
    this.#newest = slot
  }

  #unlink(slot: number): void {
    const newer = this.#newer[slot] ?? NOBODY
    const older = this.#older[slot] ?? NOBODY
    if (newer === NOBODY) this.#newest = older
    else this.#older[newer] = older
    if (older === NOBODY) this.#oldest = newer
    else this.#newer[older] = newer
  }
}

function grown(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length)
  larger.set(array)
  return larger
}
