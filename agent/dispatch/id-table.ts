/** Of a slot: nothing was ever here. */
const FREE = 0
/** Bytes that the memory of ids begins with. */
const INITIAL = 64 * 1024
/** Bytes in front of each id that give its length. */
const HEAD = 2

/**
 * A set of ids as bytes, by open addressing. As strings they would be made only to be looked up, and at 100,000 a second the
 * collector would move each of them twice.
 *
 *     slots = *( place hash )      place: where the id lies, plus 1; negative once it is deleted
 *     ids   = *( length id )       length: u16
 *
 * A deleted id keeps its slot, so that whoever looks for another one goes on, and takes it again when it comes again: one
 * that is deleted and added for ever would else fill the slots behind it, which everybody has to pass.
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

  /** Different ids that were added since it was empty, deleted ones included: their places are taken. */
  get added(): number {
    return this.#added
  }

  /** Bytes that they take. */
  get bytes(): number {
    return this.#end
  }

  /** @param hash of the id, of 32 bits, which nobody outside may foresee */
  has(hash: number, bytes: Uint8Array, from: number, to: number): boolean {
    return (this.#slots[2 * this.#find(hash, bytes, from, to)] as number) > FREE
  }

  /** Adds one of at most 65,535 bytes. */
  add(hash: number, bytes: Uint8Array, from: number, to: number): void {
    const slots = this.#slots
    const slot = this.#find(hash, bytes, from, to)
    const place = slots[2 * slot] as number
    if (place !== FREE) {
      slots[2 * slot] = Math.abs(place)
      return
    }
    const size = to - from
    if (this.#end + HEAD + size > this.#ids.length) this.#grow(HEAD + size)
    slots[2 * slot] = this.#end + 1
    slots[2 * slot + 1] = hash
    this.#ids.writeUInt16LE(size, this.#end)
    this.#ids.set(bytes.subarray(from, to), this.#end + HEAD)
    this.#end += HEAD + size
    this.#added++
  }

  delete(hash: number, bytes: Uint8Array, from: number, to: number): void {
    const slot = this.#find(hash, bytes, from, to)
    this.#slots[2 * slot] = -Math.abs(this.#slots[2 * slot] as number)
  }

  clear(): void {
    this.#slots.fill(FREE)
    this.#end = 0
    this.#added = 0
  }

  /** The slot of the id, deleted or not, or the free one that it would take. */
  #find(hash: number, bytes: Uint8Array, from: number, to: number): number {
    const slots = this.#slots
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const place = slots[2 * slot] as number
      if (place === FREE) return slot
      if (slots[2 * slot + 1] === hash && this.#isAt(Math.abs(place) - 1, bytes, from, to)) return slot
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
