import type { Pace } from '../command.ts'
import { DelayHeap } from '../delay-heap.ts'
import { Deque } from '../deque.ts'

/** Accounts of keys that have nothing waiting; beyond it the ones of longest ago begin anew. */
const MAX_IDLE_KEYS = 100_000
/** Accounts that are looked at when a new one is made: two for one, so that old ones go faster than new ones come. */
const LOOKED_AT = 2

/** What one key has used up, and what of it waits. */
interface Account<T> {
  /** Events times the period, which makes a whole number of it; see limits/token-bucket.ts. */
  used: number
  /** The millisecond at which `used` was true. */
  since: number
  waiting: Deque<T> | undefined
}

/**
 * Lets so many items of each key through at once, then evenly, and keeps the others in their order: in any time at most
 * count + rate × time. Times are milliseconds of a monotonic clock.
 */
export class Throttle<T> {
  readonly #count: number
  readonly #perMs: number
  readonly #capacity: number
  readonly #maxIdleKeys: number
  readonly #accounts = new Map<string, Account<T>>()
  /** Accounts with something waiting, by when the first of it may go. */
  #queue = new DelayHeap<Account<T>>()
  #size = 0

  constructor({ count, perMs }: Pace, maxIdleKeys = MAX_IDLE_KEYS) {
    this.#count = count
    this.#perMs = perMs
    this.#capacity = count * perMs
    this.#maxIdleKeys = maxIdleKeys
  }

  /** Items that wait. */
  get size(): number {
    return this.#size
  }

  /** Keys that are remembered. */
  get keys(): number {
    return this.#accounts.size
  }

  /** True: the item may go. False: it waits, and `due` gives it. */
  offer(item: T, key: string, now: number): boolean {
    const time = Math.floor(now)
    let account = this.#accounts.get(key)
    if (account === undefined) {
      this.#forgetIdle(time)
      account = { used: 0, since: time, waiting: undefined }
      this.#accounts.set(key, account)
    }
    if (account.waiting === undefined && this.#take(account, time)) return true
    this.#size++
    if (account.waiting === undefined) {
      account.waiting = new Deque()
      this.#queue.push(account, time + this.#waitOf(account, time))
    }
    account.waiting.push(item)
    return false
  }

  /** Takes out what may go by now, in the order of each key. */
  due(now: number): T[] {
    const time = Math.floor(now)
    const items: T[] = []
    for (;;) {
      const account = this.#queue.popDue(time)
      if (account === undefined) return items
      const { waiting } = account
      while (waiting !== undefined && waiting.size > 0 && this.#take(account, time)) {
        items.push(waiting.shift() as T)
        this.#size--
      }
      if (waiting !== undefined && waiting.size > 0) this.#queue.push(account, time + this.#waitOf(account, time))
      else account.waiting = undefined
    }
  }

  /** When the next item may go; undefined when none waits. */
  nextDue(): number | undefined {
    return this.#queue.firstDue()
  }

  /** Takes out everything that waits, whether it may go or not. */
  takeAll(): T[] {
    const items: T[] = []
    for (const account of this.#accounts.values()) {
      for (const waiting = account.waiting; waiting !== undefined && waiting.size > 0;) items.push(waiting.shift() as T)
      account.waiting = undefined
    }
    this.#queue = new DelayHeap()
    this.#size = 0
    return items
  }

  #take(account: Account<T>, time: number): boolean {
    const used = this.#usedAt(account, time) + this.#perMs
    if (used > this.#capacity) return false
    account.used = used
    // A clock that went back must not give the same time twice.
    account.since = Math.max(account.since, time)
    return true
  }

  /** Whole milliseconds until the next item may go. */
  #waitOf(account: Account<T>, time: number): number {
    return Math.max(1, Math.ceil((this.#usedAt(account, time) + this.#perMs - this.#capacity) / this.#count))
  }

  #usedAt({ used, since }: Account<T>, time: number): number {
    return Math.max(0, used - Math.max(0, time - since) * this.#count)
  }

  /** Forgets accounts that are as new, or of which there are too many; those it has looked at go to the end. */
  #forgetIdle(time: number): void {
    let looked = 0
    for (const [key, account] of this.#accounts) {
      if (looked++ === LOOKED_AT) return
      this.#accounts.delete(key)
      const isFull = this.#accounts.size >= this.#maxIdleKeys
      if (account.waiting !== undefined || (this.#usedAt(account, time) > 0 && !isFull))
        this.#accounts.set(key, account)
    }
  }
}
