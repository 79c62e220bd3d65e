import type { Command } from './command.ts'
import { DispatchError, messageOf } from './errors.ts'
import { explain, setAside } from './outbox-file.ts'
import { Outbox, type Inserted, type OutboxRow } from './outbox.ts'
import type { Log } from './protocol.ts'

/** Milliseconds until a locked or unreachable outbox is tried again. */
const REOPEN_MS = 5_000

/**
 * The outbox as the thread uses it: never throws, and goes on without a disk. What went wrong is logged once when it
 * begins and once when it ends.
 */
export class Store {
  readonly #path: string
  readonly #log: Log
  #outbox: Outbox | undefined
  /** Newest row that was handed to memory; rows after it wait on disk. */
  #cursor = 0
  #failing = false
  #retryAt = 0

  constructor(path: string, log: Log) {
    this.#path = path
    this.#log = log
  }

  /** Whether every row on disk is in memory as well, or gone. */
  get caughtUp(): boolean {
    return this.#outbox === undefined || this.#cursor >= this.#outbox.lastSeq
  }

  /** Opens the file if it is not open. Returns the rows by rule that earlier runs left, when this call opened it. */
  open(now = performance.now()): Map<string, number> | undefined {
    if (this.#outbox !== undefined || now < this.#retryAt) return undefined
    try {
      const recovered = this.#openOrReplace()
      this.#succeeded('the outbox is open')
      return recovered
    } catch (error) {
      this.#retryAt = now + REOPEN_MS
      this.#failed(error, 'the outbox cannot be opened: durable events stay in memory until it can')
      return undefined
    }
  }

  /**
   * Stores commands in one commit. undefined: the disk did not take them.
   * `admit`: there is room in memory, so the rows need not be read back.
   */
  insert(commands: readonly Command[], room: number, admit: boolean): Inserted[] | undefined {
    const outbox = this.#outbox
    if (outbox === undefined) return undefined
    const inMemory = admit && this.caughtUp
    try {
      const inserted = outbox.insert(commands, room)
      if (inMemory) this.#cursor = outbox.lastSeq
      this.#succeeded('the outbox takes events again')
      return inserted
    } catch (error) {
      this.#failed(error, 'the outbox does not take events: durable events stay in memory')
      return undefined
    }
  }

  /** The next rows that are not in memory, oldest first. */
  page(limit: number): OutboxRow[] {
    const outbox = this.#outbox
    if (outbox === undefined || this.caughtUp) return []
    try {
      const rows = outbox.page(this.#cursor, limit)
      this.#cursor = rows.length < limit ? outbox.lastSeq : (rows.at(-1)?.seq ?? this.#cursor)
      return rows
    } catch (error) {
      this.#failed(error, 'the outbox cannot be read')
      return []
    }
  }

  remove(seq: number): void {
    this.#outbox?.remove(seq)
  }

  deadLetter(seq: number, reason: string, attempts: number): void {
    this.#outbox?.deadLetter(seq, reason, attempts)
  }

  /** Commits deletions that no insert has taken along. */
  flush(): void {
    try {
      this.#outbox?.flush()
    } catch (error) {
      this.#failed(
        error,
        'the outbox cannot delete delivered events: after a restart they are sent again, to no effect',
      )
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

  #openOrReplace(): Map<string, number> {
    try {
      return this.#openNow()
    } catch (error) {
      const unusable =
        error instanceof DispatchError &&
        (error.code === 'DISPATCH_OUTBOX_CORRUPT' || error.code === 'DISPATCH_OUTBOX_NEWER')
      if (!unusable) throw error
      const aside = setAside(this.#path)
      this.#log.error(
        { code: error.code, err: error.message, aside },
        'the outbox cannot be used: set aside, a new one is begun',
      )
      return this.#openNow()
    }
  }

  #openNow(): Map<string, number> {
    const outbox = new Outbox(this.#path)
    try {
      const rows = outbox.rowsByRule()
      this.#outbox = outbox
      this.#cursor = rows.size === 0 ? outbox.lastSeq : 0
      return rows
    } catch (error) {
      outbox.close()
      throw explain(error, this.#path)
    }
  }

  #failed(error: unknown, message: string): void {
    if (!this.#failing) {
      const code = error instanceof DispatchError ? error.code : undefined
      this.#log.error({ ...(code === undefined ? {} : { code }), err: messageOf(error), path: this.#path }, message)
    }
    this.#failing = true
  }

  #succeeded(message: string): void {
    if (this.#failing) this.#log.info({ path: this.#path }, message)
    this.#failing = false
  }
}
