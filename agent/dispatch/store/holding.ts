/** Parcels and bytes. */
export interface Load {
  parcels: number
  bytes: number
}

/**
 * What `debounce` and `throttle` hold back in memory, by rule. A rule may hold half as much as is left for all rules: one
 * alone gets a third of the whole, and however many there are, each of them always gets something.
 */
export class Holding {
  readonly #most: Readonly<Load>
  readonly #all: Load = { parcels: 0, bytes: 0 }
  /** Rules that hold something. */
  readonly #byRule = new Map<string, Load>()

  /** @param most what all rules may hold together */
  constructor(most: Readonly<Load>) {
    this.#most = most
  }

  /** Parcels that are held. */
  get parcels(): number {
    return this.#all.parcels
  }

  /** Bytes of the parcels that are held. */
  get bytes(): number {
    return this.#all.bytes
  }

  add(rule: string, bytes: number): void {
    this.#all.parcels++
    this.#all.bytes += bytes
    const held = this.#byRule.get(rule)
    if (held === undefined) this.#byRule.set(rule, { parcels: 1, bytes })
    else {
      held.parcels++
      held.bytes += bytes
    }
  }

  remove(rule: string, bytes: number): void {
    const held = this.#byRule.get(rule)
    if (held === undefined) throw new TypeError(`nothing is held of ${rule}`)
    this.#all.parcels--
    this.#all.bytes -= bytes
    held.parcels--
    held.bytes -= bytes
    if (held.parcels === 0) this.#byRule.delete(rule)
  }

  /** Whether the rule may hold one more. */
  hasRoom(rule: string): boolean {
    const held = this.#byRule.get(rule)
    return held === undefined || this.#shareLeft(held, 1) > 0
  }

  /** How many parcels are to be read back for the rule: none before half of its share is free. */
  wanted(rule: string): number {
    const held = this.#byRule.get(rule) ?? { parcels: 0, bytes: 0 }
    if (held.parcels > 0 && this.#shareLeft(held, 2) <= 0) return 0
    return Math.max(1, Math.floor(this.#shareLeft(held, 1)))
  }

  /** Parcels until `times` of what it holds is its share; 0 or less when its bytes are more than that already. */
  #shareLeft({ parcels, bytes }: Load, times: number): number {
    const { parcels: maxParcels, bytes: maxBytes } = this.#most
    if (bytes * times >= (maxBytes - this.#all.bytes) / 2) return 0
    return (maxParcels - this.#all.parcels) / 2 - parcels * times
  }
}
