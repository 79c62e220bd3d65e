import type { z } from 'zod'
import { DelayHeap } from '../dispatch/delay-heap.ts'
import type { Identity } from '../identity/identity.ts'
import { NO_VERDICT, type VerdictView } from '../rules/facts.ts'
import type { Entry } from './scope-table.ts'
import { type Revoker, revoke, unrevoke } from './revoking.ts'
import { ScopeTables } from './scope-tables.ts'
import { lookupKey, type VerdictInput, verdictInput, type VerdictRef, verdictRef, viewOf } from './verdict.ts'

export const DEFAULT_MAX_VERDICTS = 100_000

/** Milliseconds for which a version is remembered after its verdict is over: for as long, older ones may come late. */
export const LATE_MS = 600_000

/** Entries that one sweep takes out at most: some hundred microseconds. */
const SWEEP = 1000

/**
 * What became of a verdict: `kept`; `older`, than what is known of its key; `expired`, when it came; `invalid`, against
 * the schema of verdict.ts; `full`: there is no room among the revocations, so that nothing has changed. An expired one
 * that is newer than what is known takes its place all the same.
 */
export type PutOutcome = 'kept' | 'older' | 'expired' | 'invalid' | 'full'

/** Since the start, but `entries`. */
export interface VerdictCounters {
  /** Kept now: removed and expired ones count until they are forgotten. */
  readonly entries: number
  /** Lookups that found something. */
  readonly hits: number
  readonly puts: number
  /** Verdicts and removals that were older, expired or invalid, or that found no room among the revocations. */
  readonly ignored: number
  /** Verdicts in force that had to go to make room. Whoever sees this grow raises `maxEntries`. */
  readonly evicted: number
}

interface Options {
  readonly maxEntries?: number
  /** Milliseconds since the epoch: verdicts come from other machines, which mean the time of day. */
  readonly now?: () => number
  /** Where verdicts revoke, asked for each time, since a reload changes it; without it there is room for none. */
  readonly revocations?: () => Revoker
}

/**
 * What workflows have told this agent about callers. Bounded: when it is full, what would be forgotten soonest goes first.
 * No function of it throws.
 */
export class VerdictTable implements VerdictCounters {
  hits = 0
  puts = 0
  ignored = 0
  evicted = 0
  readonly #scopes = new ScopeTables()
  /** When entries may be forgotten; an entry whose time has changed stands in it more than once. */
  #due = new DelayHeap<Entry>()
  #entries = 0
  readonly #maxEntries: number
  readonly #now: () => number
  readonly #revocations: (() => Revoker) | undefined

  constructor({ maxEntries = DEFAULT_MAX_VERDICTS, now = Date.now, revocations }: Options = {}) {
    this.#maxEntries = Math.max(1, maxEntries)
    this.#now = now
    this.#revocations = revocations
  }

  get entries(): number {
    return this.#entries
  }

  /**
   * Keeps a verdict, in place of the one about the same scope, key and provider. One with a lower version than that is
   * ignored: workflows repeat themselves, and what they say may come late; the same version may come again. It may come
   * after the newer one was over or removed too, so versions above 0 are remembered for ten minutes longer. What it
   * revokes is refused from the next request on, and what the former one revoked is not any more.
   */
  put(input: VerdictInput): PutOutcome {
    const parsed = verdictInput.safeParse(input)
    if (!parsed.success) return this.#ignore('invalid')
    const { data } = parsed
    const now = this.#now()
    if (this.#isOlder(data)) return this.#ignore('older')
    const expired = data.expiresAt <= now
    const revoker = this.#revocations?.()
    if (data.revoke && !expired) {
      if (revoker === undefined || !revoke(revoker, data)) return this.#ignore('full')
    } else if (revoker !== undefined) {
      unrevoke(revoker, data)
    }
    this.#replace(data, viewOf(data), data.expiresAt, now)
    if (expired) return this.#ignore('expired')
    this.puts++
    return 'kept'
  }

  /**
   * Takes a verdict out, and what it revoked. Without a version whatever it says; with one, what is newer stays, and what
   * is older is ignored when it comes late.
   * @returns `kept` when nothing about this key is in force any more
   */
  remove(ref: VerdictRef): PutOutcome {
    const parsed = verdictRef.safeParse(ref)
    if (!parsed.success) return this.#ignore('invalid')
    const { data } = parsed
    if (data.version > 0 && this.#isOlder(data)) return this.#ignore('older')
    const revoker = this.#revocations?.()
    if (revoker !== undefined) unrevoke(revoker, data)
    if (data.version > 0) {
      const now = this.#now()
      this.#replace(data, NO_VERDICT, now, now)
      return 'kept'
    }
    const entry = this.#scopes.of(data.scope).get(lookupKey(data), data.provider)
    if (entry !== undefined) this.#forget(entry)
    return 'kept'
  }

  /**
   * What is known about a caller and the address he calls from; order and rules stand at `ScopeTables.find`. Makes no
   * garbage unless several verdicts say something; while nothing is known, it compares one number.
   * @param source an address as the request's facts have it
   * @param key of scope `key`; empty when the rule chose none
   * @returns `NO_VERDICT`, always the same object, when nothing is known
   */
  lookup(identity: Identity | undefined, source: string, key = ''): VerdictView {
    if (this.#entries === 0) return NO_VERDICT
    const view = this.#scopes.find(identity, source, key, this.#now())
    if (view !== NO_VERDICT) this.hits++
    return view
  }

  /**
   * Forgets what is over, a thousand entries at most: to be called every second or so. Nobody waits for it, for an entry
   * that is over says nothing any more.
   * @returns whether there is more
   */
  sweep(): boolean {
    const now = this.#now()
    for (let i = 0; i < SWEEP; i++) {
      const due = this.#due.firstDue()
      if (due === undefined || due > now) return false
      this.#popDue(due)
    }
    return true
  }

  #isOlder(ref: z.output<typeof verdictRef>): boolean {
    const known = this.#scopes.of(ref.scope).get(lookupKey(ref), ref.provider)
    return known !== undefined && ref.version < known.version
  }

  #replace(ref: z.output<typeof verdictRef>, view: VerdictView, expiresAt: number, now: number): void {
    const { scope, provider, version } = ref
    const table = this.#scopes.of(scope)
    const key = lookupKey(ref)
    const known = table.get(key, provider)
    const forgetAt = version > 0 ? Math.max(expiresAt, now + LATE_MS) : expiresAt
    if (known === undefined) {
      if (forgetAt > now) this.#add({ table, key, provider, view, version, expiresAt, forgetAt, next: undefined })
    } else {
      if (forgetAt !== known.forgetAt) this.#due.push(known, forgetAt)
      Object.assign(known, { view, version, expiresAt, forgetAt })
    }
    this.#tidy()
  }

  #add(entry: Entry): void {
    while (this.#entries >= this.#maxEntries) {
      const gone = this.#popDue(Infinity)
      if (gone !== undefined && gone.expiresAt > this.#now()) this.evicted++
    }
    entry.table.add(entry)
    this.#entries++
    this.#due.push(entry, entry.forgetAt)
  }

  /** Takes the first of the heap, and forgets it if that is still its time. */
  #popDue(by: number): Entry | undefined {
    const due = this.#due.firstDue()
    const entry = this.#due.popDue(by)
    if (entry === undefined || entry.forgetAt !== due) return undefined
    this.#forget(entry)
    return entry
  }

  #forget(entry: Entry): void {
    // What stands in the heap of it is skipped.
    entry.forgetAt = Number.NaN
    entry.table.delete(entry)
    this.#entries--
  }

  /** Makes the heap anew when most of it stands for times that have changed. */
  #tidy(): void {
    this.sweep()
    if (this.#due.size < 2 * this.#entries + SWEEP) return
    this.#due = new DelayHeap()
    for (const entry of this.#scopes) this.#due.push(entry, entry.forgetAt)
  }

  #ignore(outcome: PutOutcome): PutOutcome {
    this.ignored++
    return outcome
  }
}
