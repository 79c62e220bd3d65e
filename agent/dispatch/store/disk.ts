import type { RowCipher } from './row-cipher.ts'
import { DispatchError, messageOf } from '../errors.ts'
import type { Log } from '../protocol.ts'
import { type DeadOptions, UNBOUNDED } from './dead-letters.ts'
import { explain, isDamage, setAside } from './outbox-file.ts'
import { Outbox, type Amount, type Inserted, type Page, type Room, type WhichRows } from './outbox.ts'
import type { NewRow } from './row.ts'

/** Milliseconds until an outbox that is locked, full or out of reach is tried again. */
const RETRY_MS = 5_000
/**
 * Settled rows that the file still has, beyond which no more are read back: after a crash they all go out again, and a
 * workflow recognises its last ones only.
 */
const DEPARTING = 1_000
/** Bytes of dead letters without rows that wait in memory while the disk takes nothing; those beyond are lost. */
const WAITING_DEAD = 4 * 1024 * 1024
const NO_DELETIONS = 'the outbox cannot delete delivered events: after a restart they are sent again'

/** What earlier runs have left in the outbox. */
export interface Recovered {
  /** What waits, by rule. */
  readonly amounts: ReadonlyMap<string, Amount>
  readonly paused: readonly string[]
}

export interface DiskOptions {
  readonly path: string
  readonly cipher?: RowCipher | undefined
  /** Whether delivered rows are kept for a replay. */
  readonly retain: boolean
  /** Without them dead letters are neither bounded nor told of. */
  readonly dead?: DeadOptions
  readonly log: Log
  /** Rules that are paused: a file that takes the place of another one has to say so too. */
  readonly paused: () => readonly string[]
  /** Told when rows that were counted are out of reach from now on, because their file had to be set aside. */
  readonly lost: () => void
}

/**
 * The outbox as the thread uses it: never throws, and goes on without a disk. What went wrong is logged once when it
 * begins and once when it ends.
 */
export class Disk {
  readonly #options: DiskOptions
  #outbox: Outbox | undefined
  /** Newest row that was handed to memory; rows after it wait on disk. */
  #cursor = 0
  /** What does not work. */
  #failing: string | undefined
  #retryAt = 0

  constructor(options: DiskOptions) {
    this.#options = options
  }

  /** The open outbox, for the calls of operators. */
  get outbox(): Outbox | undefined {
    return this.#outbox
  }

  /** Whether the last attempt to write worked. */
  get works(): boolean {
    return this.#outbox !== undefined && this.#failing === undefined
  }

  /** The newest row that the reader of pages has come to. */
  get cursor(): number {
    return this.#cursor
  }

  /** Rows that are settled and still on disk. */
  get departing(): number {
    return this.#outbox?.departing ?? 0
  }

  /** Whether the reader of pages has come to the last row. */
  get caughtUp(): boolean {
    return this.#outbox === undefined || this.#cursor >= this.#outbox.lastSeq
  }

  /** Opens the file if it is not open. Returns what earlier runs left, when this call opened it. */
  open(now = performance.now()): Recovered | undefined {
    if (this.#outbox !== undefined || now < this.#retryAt) return undefined
    try {
      const recovered = this.#openOrReplace()
      this.#succeeded('the outbox is open')
      return recovered
    } catch (error) {
      this.#retryAt = now + RETRY_MS
      this.#failed(error, 'the outbox cannot be opened: durable events stay in memory until it can')
      return undefined
    }
  }

  /**
   * Stores rows in one commit. undefined: the disk did not take them.
   * `passed`: the reader of pages need not come to them, if it has come to all before them.
   */
  insert(rows: readonly NewRow[], room: Room, passed: boolean, now = performance.now()): Inserted[] | undefined {
    const outbox = this.#outbox
    // A disk that is full is not asked again for every batch: each attempt waits for it.
    if (outbox === undefined || this.#isWaiting(now)) return undefined
    const isPassed = passed && this.caughtUp
    try {
      const inserted = outbox.insert(rows, room)
      if (isPassed) this.#cursor = outbox.lastSeq
      this.#succeeded('the outbox takes events again')
      return inserted
    } catch (error) {
      this.#retryAt = now + RETRY_MS / 10
      this.#failed(error, 'the outbox does not take events: durable events stay in memory')
      return undefined
    }
  }

  /** An error of a moment ago keeps nobody from trying again. */
  retryNow(): void {
    this.#retryAt = 0
  }

  /** The next rows of those that are wanted, oldest first. None: ask again, until caught up. */
  page(limit: number, maxBytes: number, which: WhichRows): Page['rows'] {
    const { rows, end } = this.#read(this.#cursor, (outbox) => outbox.page(this.#cursor, limit, maxBytes, which))
    this.#cursor = end
    return rows
  }

  /** Rows behind `seq` of those that are wanted, oldest first, and where the next page of them begins. */
  pageAfter(seq: number, limit: number, maxBytes: number, which: WhichRows): Page {
    return this.#read(seq, (outbox) => outbox.page(seq, limit, maxBytes, which))
  }

  /** Rows are read from the first one again: the caller knows which of them are in memory. */
  rewind(): void {
    this.#cursor = 0
  }

  deliver(seq: number): void {
    this.#outbox?.deliver(seq)
  }

  remove(seq: number): void {
    this.#outbox?.remove(seq)
  }

  cut(seq: number, left: Pick<NewRow, 'id' | 'events' | 'body'>): void {
    this.#outbox?.cut(seq, left)
  }

  bury(seq: number, reason: string, attempts: number): void {
    this.#outbox?.bury(seq, reason, attempts)
  }

  /** Keeps the dead letter of an event that was in memory only. False when there is no disk to keep it. */
  keepDead(row: NewRow, reason: string, attempts: number): boolean {
    const dead = this.#outbox?.dead
    if (dead === undefined || (this.#failing !== undefined && dead.waitingBytes >= WAITING_DEAD)) return false
    dead.add(row, reason, attempts)
    return true
  }

  /** When the oldest event on disk happened, milliseconds since the epoch; undefined when there is none. */
  oldestAt(): number | undefined {
    try {
      return this.#outbox?.oldestAt()
    } catch (error) {
      this.#failed(error, 'the outbox cannot be read')
      return undefined
    }
  }

  /** Commits deletions that no insert has taken along. */
  flush(now = performance.now()): void {
    if (this.#isWaiting(now)) return
    try {
      this.#outbox?.flush()
      // Only what failed here is known to work again.
      if (this.#failing === NO_DELETIONS) this.#succeeded('the outbox deletes delivered events again')
    } catch (error) {
      this.#retryAt = now + RETRY_MS / 10
      this.#failed(error, NO_DELETIONS)
    }
  }

  close(): void {
    try {
      this.#outbox?.close()
    } catch (error) {
      this.#failed(error, 'the outbox did not close cleanly')
    }
    this.#outbox = undefined
  }

  /** What `read` gives; an empty page that ends where it begins when nothing can, or may, be read. */
  #read(seq: number, read: (outbox: Outbox) => Page): Page {
    if (this.#isBehind()) return { rows: [], end: seq }
    try {
      return this.#outbox === undefined ? { rows: [], end: seq } : read(this.#outbox)
    } catch (error) {
      this.#failed(error, 'the outbox cannot be read')
      return { rows: [], end: seq }
    }
  }

  /** Whether nothing may go out of the file because of what is settled and still in it: too much, or a part of a row. */
  #isBehind(): boolean {
    if (this.#mustDelete()) this.flush()
    return this.#mustDelete()
  }

  #mustDelete(): boolean {
    return this.departing >= DEPARTING || this.#outbox?.cutting === true
  }

  #isWaiting(now: number): boolean {
    return this.#failing !== undefined && now < this.#retryAt
  }

  #openOrReplace(): Recovered {
    try {
      return this.#openNow()
    } catch (error) {
      const unusable =
        error instanceof DispatchError &&
        (error.code === 'DISPATCH_OUTBOX_CORRUPT' || error.code === 'DISPATCH_OUTBOX_NEWER')
      if (!unusable) throw error
      this.#setAside(error)
      return this.#openNow()
    }
  }

  /** Everything that the start needs is read here, so that a page of it that is damaged is met before the file is in use. */
  #openNow(): Recovered {
    const { path, cipher, retain, dead, paused } = this.#options
    const outbox = new Outbox(path, cipher, retain, dead)
    try {
      const amounts = outbox.amounts()
      outbox.pause(paused())
      const recovered = { amounts, paused: outbox.pausedRules() }
      outbox.dead.recount()
      this.#outbox = outbox
      this.#cursor = amounts.size === 0 ? outbox.lastSeq : 0
      return recovered
    } catch (error) {
      outbox.close()
      throw explain(error, path)
    }
  }

  #setAside(error: DispatchError): void {
    const { path, log } = this.#options
    const aside = setAside(path)
    const fields = { code: error.code, err: error.message, aside }
    log.error(fields, 'the outbox cannot be used: set aside, a new one is begun')
  }

  #failed(error: unknown, message: string): void {
    const { path, log, lost, dead = UNBOUNDED } = this.#options
    const known = explain(error, path)
    const code = known instanceof DispatchError ? known.code : undefined
    if (this.#failing === undefined)
      log.error({ ...(code !== undefined && { code }), err: messageOf(known), path }, message)
    this.#failing ??= message
    if (this.#outbox === undefined || !isDamage(error)) return
    // Nothing will work with this file any more: what it holds is for somebody to look into, and the next open begins anew.
    lost()
    dead.changed(0, this.#outbox.dead.abandon())
    this.#outbox.abandon()
    this.#outbox = undefined
    this.#retryAt = 0
    this.#setAside(known as DispatchError)
  }

  #succeeded(message: string): void {
    if (this.#failing !== undefined) this.#options.log.info({ path: this.#options.path }, message)
    this.#failing = undefined
  }
}
