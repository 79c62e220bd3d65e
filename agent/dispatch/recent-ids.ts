import { randomBytes } from 'node:crypto'
import { halfSipHash } from './half-sip-hash.ts'
import { IdTable } from './id-table.ts'

/** Bytes of ids for each that fits: where they are longer, fewer are known, so that memory is bounded. */
const ROOM = 256
/** Bytes of the longest id: what a packet can carry. */
const LONGEST = 0xffff

/**
 * The last event ids seen, between `capacity` and twice that many, deleted ones included. Two generations: when the young
 * one is full the old one is emptied, so forgetting costs nothing per id. In packets ids are bytes, and are asked for as
 * that. Different ids that are all deleted again push others out, as ids that stay would: to have their places back, a table
 * would have to be built anew, for milliseconds and in the middle of an overload. What is forgotten here is recognised
 * further on.
 */
export class RecentIds {
  readonly #capacity: number
  readonly #k0: number
  readonly #k1: number
  readonly #desk = Buffer.allocUnsafeSlow(LONGEST)
  #young: IdTable
  #old: IdTable

  constructor(capacity: number) {
    this.#capacity = capacity
    // Clients choose idempotency keys, which become ids: without a key of ours they could choose colliding ones.
    const key = randomBytes(8)
    this.#k0 = key.readInt32LE(0)
    this.#k1 = key.readInt32LE(4)
    this.#young = new IdTable(capacity)
    this.#old = new IdTable(capacity)
  }

  has(id: string): boolean {
    return this.hasBytes(this.#desk, 0, this.#desk.write(id))
  }

  add(id: string): void {
    this.addBytes(this.#desk, 0, this.#desk.write(id))
  }

  /** Forgets an id: its event was refused, so the same event may come again. */
  delete(id: string): void {
    const end = this.#desk.write(id)
    const hash = this.#hash(this.#desk, 0, end)
    this.#young.delete(hash, this.#desk, 0, end)
    this.#old.delete(hash, this.#desk, 0, end)
  }

  /** {@link has} of the id that is UTF-8 there. */
  hasBytes(bytes: Uint8Array, from: number, to: number): boolean {
    const hash = this.#hash(bytes, from, to)
    return this.#young.has(hash, bytes, from, to) || this.#old.has(hash, bytes, from, to)
  }

  /** {@link add} of the id that is UTF-8 there. */
  addBytes(bytes: Uint8Array, from: number, to: number): void {
    const hash = this.#hash(bytes, from, to)
    if (this.#young.has(hash, bytes, from, to)) return
    if (this.#young.added >= this.#capacity || this.#young.bytes >= this.#capacity * ROOM) {
      const emptied = this.#old
      emptied.clear()
      this.#old = this.#young
      this.#young = emptied
    }
    this.#young.add(hash, bytes, from, to)
  }

  #hash(bytes: Uint8Array, from: number, to: number): number {
    return halfSipHash(bytes, from, to, this.#k0, this.#k1)
  }
}
