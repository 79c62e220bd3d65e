/** Of a slot: nothing was ever here; an id was here and is deleted, so whoever looks for another one goes on. */
const FREE = 0
const DELETED = -1
/** Bytes that the memory of ids begins with. */
const INITIAL = 64 * 1024
/** Bytes in front of each id that give its length. */
const HEAD = 2

/**
 * A set of ids as bytes, by open addressing. As strings they would be made only to be looked up, and at 100,000 a second the
 * collector would move each of them twice.
 *
 *     slots = *( place hash )      place: where the id lies, plus 1
 *     ids   = *( length id )       length: u16
 */
export class IdTable {
  readonly #slots: Int32Array
  readonly #mask: number
  #ids = Buffer.allocUnsafeSlow(INITIAL)
  #end = 0
  #added = 0

  /** @param capacity ids that are added at most: that many find a place within some steps */
  constructor(capacity: number) {
    const slots = 2 ** Math.ceil(Math.log2(2 * capacity + 2))
    this.#slots = new Int32Array(2 * slots)
    this.#mask = slots - 1
  }

  /** Ids that were added since it was empty, deleted ones included: their places are taken. */
  get added(): number {
    return this.#added
  }

  /** Bytes that they take. */
  get bytes(): number {
    return this.#end
  }

  /** @param hash of the id, of 32 bits, which nobody outside may foresee */
  has(hash: number, bytes: Uint8Array, from: number, to: number): boolean {
    return this.#find(hash, bytes, from, to) >= 0
  }

  /** Adds one that it has not, of at most 65,535 bytes. */
  add(hash: number, bytes: Uint8Array, from: number, to: number): void {
    const size = to - from
    if (this.#end + HEAD + size > this.#ids.length) this.#grow(HEAD + size)
    const slots = this.#slots
    let slot = hash & this.#mask
    while (slots[2 * slot] !== FREE) slot = (slot + 1) & this.#mask
    slots[2 * slot] = this.#end + 1
    slots[2 * slot + 1] = hash
    this.#ids.writeUInt16LE(size, this.#end)
    this.#ids.set(bytes.subarray(from, to), this.#end + HEAD)
    this.#end += HEAD + size
    this.#added++
  }

  delete(hash: number, bytes: Uint8Array, from: number, to: number): void {
    const slot = this.#find(hash, bytes, from, to)
    if (slot >= 0) this.#slots[2 * slot] = DELETED
  }

  clear(): void {
    this.#slots.fill(FREE)
    this.#end = 0
    this.#added = 0
  }

  #find(hash: number, bytes: Uint8Array, from: number, to: number): number {
    const slots = this.#slots
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const place = slots[2 * slot] as number
      if (place === FREE) return -1
      if (place !== DELETED && slots[2 * slot + 1] === hash && this.#isAt(place - 1, bytes, from, to)) return slot
    }
  }

  #isAt(place: number, bytes: Uint8Array, from: number, to: number): boolean {
    const ids = this.#ids
    const size = to - from
    if (ids.readUInt16LE(place) !== size) return false
    for (let i = 0; i < size; i++) if (ids[place + HEAD + i] !== bytes[from + i]) return false
    return true
  }

  #grow(more: number): void {
    const ids = Buffer.allocUnsafeSlow(Math.max(2 * this.#ids.length, this.#end + more))
    this.#ids.copy(ids, 0, 0, this.#end)
    this.#ids = ids
  }
}
