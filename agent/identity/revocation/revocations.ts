import { setImmediate as nextTurn } from 'node:timers/promises'
import { DEFAULT_MAX_ENTRIES, type RevocationSettings } from '../../config/revocation.ts'
import type { Identity } from '../identity.ts'
import type { SchemeContext } from '../scheme.ts'
import { SteadyClock } from '../steady-clock.ts'
import { parseEntry, type RevocationInput } from './entry.ts'
import { FileSource } from './file-source.ts'
import { MemorySource } from './memory-source.ts'
import { PollSource } from './poll-source.ts'
import type { RevocationSource, RevocationSourceStatus } from './source.ts'

/** Who adds revocations while the agent runs. */
export type RevocationAdder = 'admin' | 'workflow'

export interface RevocationStatus {
  readonly entries: number
  /** Requests refused because of an entry. */
  readonly hits: number
  /** Requests refused because a list could not be read. */
  readonly unavailable: number
  readonly sources: readonly RevocationSourceStatus[]
}

/** Milliseconds between two looks for entries that are over. */
const SWEEP_MS = 60_000
/** Keys looked at before requests get their turn. */
const SWEEP_SLICE = 2000

/** What was added while the agent runs: it holds until the process ends, whatever the configuration says meanwhile. */
export class RevocationMemory {
  readonly admin: MemorySource = new MemorySource('admin')
  readonly workflow: MemorySource = new MemorySource('workflow')
}

/**
 * What is revoked, from all sources together. Asked at every request that showed a genuine credential, cached or not, so
 * that a revocation takes effect at the next request. Each source replaces its own list at once: a request sees the list
 * before or the list after, never part of both.
 */
export class Revocations {
  readonly #context: SchemeContext
  /** By which entries are dropped. */
  readonly #steady: SteadyClock
  readonly #maxEntries: number
  readonly #failClosed: boolean
  readonly #lists: readonly RevocationSource[]
  readonly #memory: RevocationMemory
  readonly #sources: readonly RevocationSource[]
  #hits = 0
  #unavailable = 0
  #sweeping = false
  #timer: NodeJS.Timeout | undefined

  constructor(settings: RevocationSettings | undefined, context: SchemeContext, memory = new RevocationMemory()) {
    this.#context = context
    this.#steady = new SteadyClock(context)
    this.#memory = memory
    this.#maxEntries = settings?.maxEntries ?? DEFAULT_MAX_ENTRIES
    this.#failClosed = settings?.onUnavailable === 'deny'
    const lists: RevocationSource[] = []
    const { log, monotonicMs } = context
    const shared = { log, monotonicMs, now: () => this.#steady.now() }
    const roomFor = (list: () => RevocationSource) => (): number => this.#room() + list().entries
    if (settings?.file !== undefined) {
      const file: FileSource = new FileSource({ ...shared, path: settings.file, room: roomFor(() => file) })
      lists.push(file)
    }
    if (settings?.poll !== undefined) {
      const poll: PollSource = new PollSource({ ...shared, settings: settings.poll, room: roomFor(() => poll) })
      lists.push(poll)
    }
    this.#lists = lists
    this.#sources = [...lists, memory.admin, memory.workflow]
  }

  /** Begins to read the lists. Never fails. */
  start(): void {
    for (const list of this.#lists) list.start?.()
    this.#timer = setInterval(() => void this.sweep(), SWEEP_MS)
    this.#timer.unref()
  }

  close(): void {
    clearInterval(this.#timer)
    for (const list of this.#lists) list.close?.()
  }

  /** Whether it can judge: every list was read and is young enough, or nobody insists. */
  ready(): boolean {
    return !this.#failClosed || this.#lists.every((list) => list.usable())
  }

  /**
   * Why this identity must be refused, or undefined. Synchronous, never throws.
   * @param shown certificate of the request, DER, for a credential that is bound to one
   */
  check(identity: Identity, shown?: Uint8Array): 'revoked' | 'revocation_unavailable' | undefined {
    for (const source of this.#sources) {
      if (source.entries > 0 && source.has(identity, this.#context.now(), shown)) {
        this.#hits++
        return 'revoked'
      }
    }
    if (this.ready()) return undefined
    this.#unavailable++
    return 'revocation_unavailable'
  }

  /** Whether this identity must be refused, for whichever reason {@link check} gives. */
  isRevoked(identity: Identity): boolean {
    return this.check(identity) !== undefined
  }

  /**
   * Revokes something in this process, until it ends.
   * @returns false when there is no room for it
   * @throws {RevocationFormatError} when the entry is not as it must be
   */
  add(input: RevocationInput, { source }: { readonly source: RevocationAdder }): boolean {
    return this.#memory[source].add(parseEntry(input), this.#room())
  }

  /** As {@link add}, in place of what the same source has said of the same name. @throws {RevocationFormatError} */
  replace(input: RevocationInput, { source }: { readonly source: RevocationAdder }): boolean {
    return this.#memory[source].replace(parseEntry(input), this.#room())
  }

  /** Takes back what was added by the same source. @returns whether there was such an entry */
  remove(input: RevocationInput, { source }: { readonly source: RevocationAdder }): boolean {
    return this.#memory[source].remove(parseEntry(input))
  }

  /** Drops entries that are over, in slices. Never rejects. */
  async sweep(): Promise<void> {
    if (this.#sweeping) return
    this.#sweeping = true
    let steps = 0
    const nowMs = this.#steady.now()
    for (const source of this.#sources) {
      for (const _ of source.sweep(nowMs)) if (++steps % SWEEP_SLICE === 0) await nextTurn()
    }
    this.#sweeping = false
  }

  status(): RevocationStatus {
    return {
      entries: this.#entries(),
      hits: this.#hits,
      unavailable: this.#unavailable,
      sources: this.#sources.map((source) => source.status()),
    }
  }

  #entries(): number {
    let entries = 0
    for (const source of this.#sources) entries += source.entries
    return entries
  }

  #room(): number {
    return this.#maxEntries - this.#entries()
  }
}

/** @param settings `identity.revocation`; without it there are only the entries that are added while the agent runs */
export function createRevocations(settings: RevocationSettings | undefined, context: SchemeContext): Revocations {
  return new Revocations(settings, context)
}
