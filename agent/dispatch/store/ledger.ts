import { GLOBAL, SLOT, type Counters } from '../counters.ts'
import type { LaneLoad } from './lane-load.ts'
import type { Amount } from './outbox.ts'

/** How an event may end. The names are slots of its rule. */
export type Outcome = 'delivered' | 'deduplicated' | 'coalesced' | 'rateLimited' | 'shed' | 'deadLettered'

/** What the books know of a parcel in memory. */
export interface Entry {
  /** Counter row of its rule. */
  readonly row: number
  /** Row in the outbox; 0 while it lives in memory only. */
  seq: number
  readonly events: number
  /** Bytes of memory as they were accepted: of its packets, or of the row that was read back. */
  readonly bytes: number
  /** Bytes of its row; 0 without one. */
  rowBytes: number
  /** `hot`: counts against the bounds that the hot side checks. `disk`: read back from the outbox. */
  readonly from: 'hot' | 'disk'
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Whose share of the memory it takes; undefined for what had no row when it came. */
  readonly lane: LaneLoad | undefined
}

/**
 * The store thread's books: every event enters once, through `refuse`, `spill`, `keep` or `recover`, and leaves once,
 * through `settle`. All counting of the thread is done here, which is what makes the conservation law a matter of one file.
 */
export class Ledger {
  readonly #counters: Counters
  /** By handle, oldest first: parcels join in the order of their arrival. */
  readonly #entries = new Map<number, Entry>()
  #stored = 0
  #storedBytes = 0
  #unstored = 0
  /** Events that were recovered under the row of others, by rule: its own may come with a reload, before they are read. */
  readonly #others = new Map<string, number>()

  constructor(counters: Counters) {
    this.#counters = counters
  }

  /** Events in the outbox that are not settled. */
  get stored(): number {
    return this.#stored
  }

  get storedBytes(): number {
    return this.#storedBytes
  }

  /** Events that would be lost if the process ended now. */
  get unstored(): number {
    return this.#unstored
  }

  /** Every event that has not ended. */
  get pending(): number {
    return this.#stored + this.#unstored
  }

  /** Counter row of a rule name. */
  row(rule: string): number {
    return this.#counters.row(rule)
  }

  /** Counter row of events that are read back, the one that counts them so far. Those recovered come first. */
  rowOfNext(rule: string, events: number): number {
    const left = this.#others.get(rule) ?? 0
    if (left === 0) return this.row(rule)
    if (left <= events) this.#others.delete(rule)
    else this.#others.set(rule, left - events)
    return this.#counters.other
  }

  /** Events found in the outbox when it was opened. */
  recover(rule: string, { events, bytes }: Amount): void {
    const row = this.#counters.row(rule)
    if (row === this.#counters.other) this.#others.set(rule, events)
    this.#counters.add(row, SLOT.recovered, events)
    this.#addStored(row, events, bytes)
  }

  /** Events of a packet that end as they arrive. @param bytes of their frames */
  refuse(row: number, outcome: Outcome, events: number, bytes: number): void {
    this.#counters.add(row, SLOT[outcome], events)
    this.#counters.add(row, SLOT.taken, events)
    this.#release(events, bytes)
  }

  /** Events of a packet that were stored and stay on disk until there is room for them. */
  spill(row: number, events: number, bytes: number, rowBytes: number): void {
    this.#addStored(row, events, rowBytes)
    this.#counters.add(row, SLOT.taken, events)
    this.#release(events, bytes)
  }

  /** Events of a packet that stay in memory, with or without a row in the outbox. */
  keep(handle: number, entry: Entry): void {
    // Last, here and above: whoever reads the counters in between must not find events that are nowhere.
    if (entry.seq > 0) this.#addStored(entry.row, entry.events, entry.rowBytes)
    else this.#addUnstored(entry.row, entry.events)
    this.#counters.add(entry.row, SLOT.taken, entry.events)
    this.#join(handle, entry)
  }

  /** Events that were read back from the outbox, counted before by `recover` or `spill`. */
  load(handle: number, entry: Entry): void {
    this.#join(handle, entry)
  }

  entry(handle: number): Entry | undefined {
    return this.#entries.get(handle)
  }

  /** The parcel has ended. Counts it once, however often it is told. Returns its entry the first time. */
  settle(handle: number, outcome: Outcome): Entry | undefined {
    const entry = this.#leave(handle)
    if (entry === undefined) return undefined
    // In this order: the other thread may read in between, and must not find an event that is on disk and beyond it as well.
    if (entry.seq > 0) this.#addStored(entry.row, -entry.events, -entry.rowBytes)
    else this.#addUnstored(entry.row, -entry.events)
    this.#counters.add(entry.row, SLOT[outcome], entry.events)
    return entry
  }

  /**
   * Some events of a parcel end as shed, the others go on.
   *
   * @param rowBytes of what is left
   * @returns its entry from now on; undefined when it has ended
   */
  cut(handle: number, events: number, rowBytes: number): Entry | undefined {
    const entry = this.#entries.get(handle)
    if (entry === undefined) return undefined
    const left = { ...entry, events: entry.events - events, rowBytes: entry.seq > 0 ? rowBytes : 0 }
    this.#entries.set(handle, left)
    // In this order: a lane without rows is forgotten.
    left.lane?.join(left.events, left.bytes)
    entry.lane?.leave(entry.events, entry.bytes)
    this.#counters.add(entry.row, SLOT.shed, events)
    if (entry.from === 'hot') this.#release(events, 0)
    if (entry.seq > 0) this.#addStored(entry.row, -events, left.rowBytes - entry.rowBytes)
    else this.#addUnstored(entry.row, -events)
    return left
  }

  /** The parcel, so far in memory only, is on disk from now on, and there only. */
  store(handle: number, seq: number, rowBytes: number): void {
    const entry = this.#leave(handle)
    if (entry === undefined || entry.seq > 0) throw new TypeError(`parcel ${handle} is not in memory only`)
    this.#addUnstored(entry.row, -entry.events)
    this.#addStored(entry.row, entry.events, rowBytes)
    entry.seq = seq
  }

  /** The parcel is held back: it takes nothing of its lane's share. */
  hold(handle: number): void {
    const entry = this.#entries.get(handle)
    entry?.lane?.hold(entry.events, entry.bytes)
  }

  /** The parcel is not held back any more. */
  release(handle: number): void {
    const entry = this.#entries.get(handle)
    entry?.lane?.release(entry.events, entry.bytes)
  }

  /** The parcel, so far in memory only, is on disk as well. */
  backUp(handle: number, seq: number, rowBytes: number): void {
    const entry = this.#entries.get(handle)
    if (entry === undefined || entry.seq > 0) throw new TypeError(`parcel ${handle} is not in memory only`)
    this.#addUnstored(entry.row, -entry.events)
    this.#addStored(entry.row, entry.events, rowBytes)
    entry.seq = seq
    entry.rowBytes = rowBytes
  }

  /** The parcel leaves memory and stays on disk. Returns its entry; undefined when it has no row. */
  unload(handle: number): Entry | undefined {
    const entry = this.#entries.get(handle)
    return entry === undefined || entry.seq === 0 ? undefined : this.#leave(handle)
  }

  /** A row that never became a parcel: it could not be read, or an operator removed it. */
  settleRow(row: number, outcome: Outcome, events: number, bytes: number): void {
    this.#counters.add(row, SLOT[outcome], events)
    this.#addStored(row, -events, -bytes)
  }

  /** Events that an operator put into the outbox again: they are received once more. */
  reopen(rule: string, { events, bytes }: Amount): void {
    const row = this.#counters.row(rule)
    this.#counters.add(row, SLOT.recovered, events)
    this.#addStored(row, events, bytes)
  }

  /**
   * The outbox is out of reach for good: what is in memory goes on without a row, the rest is shed.
   * @returns events that are shed
   */
  loseRows(): number {
    const resident = new Map<number, number>()
    for (const entry of this.#entries.values()) {
      if (entry.seq === 0) continue
      resident.set(entry.row, (resident.get(entry.row) ?? 0) + entry.events)
      entry.seq = 0
      entry.rowBytes = 0
    }
    let lost = 0
    this.#counters.names.forEach((_, row) => {
      const stored = this.#counters.get(row, SLOT.stored)
      const here = resident.get(row) ?? 0
      if (here > 0) this.#addUnstored(row, here)
      if (stored > here) this.#counters.add(row, SLOT.shed, stored - here)
      this.#counters.add(row, SLOT.stored, -stored)
      lost += stored - here
    })
    this.#stored = 0
    this.#storedBytes = 0
    this.#publish()
    return lost
  }

  /** Handles of what would be lost if the process ended now. */
  *unstoredHandles(): Generator<number> {
    for (const [handle, { seq }] of this.#entries) if (seq === 0) yield handle
  }

  /** Rows that are in memory, of those behind `after` up to `last`. */
  residentSeqs(after = 0, last = Infinity): Set<number> {
    const seqs = new Set<number>()
    for (const { seq } of this.#entries.values()) if (seq > after && seq <= last) seqs.add(seq)
    return seqs
  }

  /** When the oldest event in memory happened, milliseconds since the epoch; undefined when there is none. */
  oldestAt(): number | undefined {
    return this.#entries.values().next().value?.at
  }

  #join(handle: number, entry: Entry): void {
    this.#entries.set(handle, entry)
    entry.lane?.join(entry.events, entry.bytes)
  }

  #leave(handle: number): Entry | undefined {
    const entry = this.#entries.get(handle)
    if (entry === undefined) return undefined
    this.#entries.delete(handle)
    entry.lane?.leave(entry.events, entry.bytes)
    if (entry.from === 'hot') this.#release(entry.events, entry.bytes)
    return entry
  }

  #release(events: number, bytes: number): void {
    this.#counters.addGlobal(GLOBAL.released, events)
    this.#counters.addGlobal(GLOBAL.releasedBytes, bytes)
  }

  #addStored(row: number, events: number, bytes: number): void {
    this.#stored += events
    // Lengths of text are counted in two ways: what is left of that must not outlive the rows.
    this.#storedBytes = this.#stored === 0 ? 0 : Math.max(0, this.#storedBytes + bytes)
    this.#counters.add(row, SLOT.stored, events)
    this.#publish()
  }

  #addUnstored(row: number, events: number): void {
    this.#unstored += events
    this.#counters.add(row, SLOT.inMemory, events)
  }

  #publish(): void {
    this.#counters.global[GLOBAL.stored] = this.#stored
    this.#counters.global[GLOBAL.storedBytes] = this.#storedBytes
  }
}
