import type { Actor, EdgeEvent } from '../../agent/messages.ts'
import { SeenRing } from './seen-ring.ts'

/** Events a trail keeps. */
export const TRAIL_LENGTH = 100

/** Characters of all entries as JSON: below the server's 512 KB payload warning, whatever length URLs have. */
const MAX_CHARS = 300_000

/** One event of a caller, flat, with the caller that Temporal's header named. */
export interface TrailEntry {
  readonly id: string
  readonly type: string
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly method: string
  readonly host: string
  readonly path: string
  readonly query: string
  readonly source: string
  readonly vars: EdgeEvent['vars']
  readonly actor: Actor
}

/** What one run of `auditTrail` hands to the next. */
export interface TrailState {
  /** Events ever recorded. */
  readonly total: number
  readonly duplicates: number
  readonly malformed: number
  readonly seen: readonly string[]
  /** Oldest first. */
  readonly entries: readonly TrailEntry[]
}

/** Keeps the last events, in order of arrival, each once. */
export class Trail {
  readonly #seen: SeenRing
  readonly #entries: TrailEntry[]
  readonly #sizes: number[]
  #chars: number
  total: number
  duplicates: number
  malformed: number

  constructor(seenIds: number, state?: TrailState) {
    this.#seen = new SeenRing(seenIds, state?.seen)
    this.#entries = [...(state?.entries ?? [])]
    this.#sizes = this.#entries.map((entry) => JSON.stringify(entry).length)
    this.#chars = this.#sizes.reduce((sum, size) => sum + size, 0)
    this.total = state?.total ?? 0
    this.duplicates = state?.duplicates ?? 0
    this.malformed = state?.malformed ?? 0
  }

  get entries(): readonly TrailEntry[] {
    return this.#entries
  }

  /**
   * Records an event. Never throws, see UsageLedger.add.
   *
   * @param actor the caller of the signal; without one the event's own is taken
   */
  add(event: EdgeEvent, actor: Actor | undefined): void {
    if (!isEvent(event)) this.malformed += 1
    else if (!this.#seen.add(event.id)) this.duplicates += 1
    else this.#keep(toEntry(event, actor ?? event.actor))
  }

  toState(): TrailState {
    const { total, duplicates, malformed } = this
    return { total, duplicates, malformed, seen: this.#seen.toArray(), entries: this.#entries }
  }

  #keep(entry: TrailEntry): void {
    const size = JSON.stringify(entry).length
    this.#entries.push(entry)
    this.#sizes.push(size)
    this.#chars += size
    this.total += 1
    while (this.#entries.length > TRAIL_LENGTH || (this.#chars > MAX_CHARS && this.#entries.length > 1)) {
      this.#entries.shift()
      this.#chars -= this.#sizes.shift() ?? 0
    }
  }
}

function toEntry({ id, type, at, request, vars }: EdgeEvent, actor: Actor): TrailEntry {
  const { method, host, path, query, source } = request
  return { id, type, at, method, host, path, query, source, vars, actor }
}

function isEvent(event: unknown): event is EdgeEvent {
  if (typeof event !== 'object' || event === null) return false
  const { id, request } = event as Partial<Record<keyof EdgeEvent, unknown>>
  return typeof id === 'string' && typeof request === 'object' && request !== null
}
