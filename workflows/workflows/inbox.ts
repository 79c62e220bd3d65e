import { condition, isCancellation, log, rootCause } from '@temporalio/workflow'
import { EntityRun, serveEntity } from './entity.ts'
import { SeenRing } from './seen-ring.ts'

/** Whatever has an id that is the same when it comes again: an EdgeEvent, a MeterRecord. */
export interface InboxItem {
  readonly id: string
}

export interface InboxOptions {
  /** Items of a batch at most. Default 100. */
  readonly batchItems?: number
  /** Ids remembered for deduplication. Default 2000. */
  readonly seenIds?: number
}

/** Items that are worked on as one, under one key. */
export interface InboxBatch<Item> {
  readonly items: readonly Item[]
  /** The same batch always has the same key, also when a later run tries it again: do each key once. */
  readonly idempotencyKey: string
}

/** What one run hands to the next. Records and arrays only: this goes through JSON. */
export interface InboxState<Item> {
  /** Items ever taken in. */
  readonly total: number
  readonly duplicates: number
  readonly malformed: number
  readonly seen: readonly string[]
  /** Oldest first; the first `tried` of them are a batch that was tried already. */
  readonly waiting: readonly Item[]
  readonly tried: number
}

const DEFAULTS = { batchItems: 100, seenIds: 2000 } as const

/** Characters of ids, and of items as JSON, that a run hands over: together below the server's 512 KB payload warning. */
const MAX_ID_CHARS = 100_000
const MAX_ITEM_CHARS = 300_000

/** Characters of a batch as JSON; a single item may have more. */
const MAX_BATCH_CHARS = 250_000

/** A batch that failed waits this long for its next try. Signals are taken in meanwhile. */
const RETRY_PAUSE = '1 minute'

/** What waits to be worked on, each item once, cut into batches. */
export class Inbox<Item extends InboxItem> {
  readonly #batchItems: number
  readonly #seen: SeenRing
  readonly #waiting: Item[]
  readonly #sizes: number[]
  #chars: number
  #tried: number
  total: number
  duplicates: number
  /** What came without an id. */
  malformed: number

  constructor(
    { batchItems = DEFAULTS.batchItems, seenIds = DEFAULTS.seenIds }: InboxOptions = {},
    state?: InboxState<Item>,
  ) {
    this.#batchItems = batchItems
    this.#seen = new SeenRing(seenIds, state?.seen, MAX_ID_CHARS)
    this.#waiting = [...(state?.waiting ?? [])]
    this.#sizes = this.#waiting.map(sizeOf)
    this.#chars = this.#sizes.reduce((sum, size) => sum + size, 0)
    this.#tried = state?.tried ?? 0
    this.total = state?.total ?? 0
    this.duplicates = state?.duplicates ?? 0
    this.malformed = state?.malformed ?? 0
  }

  /** Items that are not done. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Whether what waits fits into the state that a run hands over. */
  get isSmall(): boolean {
    return this.#chars <= MAX_ITEM_CHARS
  }

  /** Takes an item in unless it has come before. Never throws, so it may stand in a signal handler as it is. */
  add(item: Item): void {
    const id: unknown = (item as Partial<InboxItem> | null | undefined)?.id
    if (typeof id !== 'string' || id === '') this.malformed += 1
    else if (!this.#seen.add(id)) this.duplicates += 1
    else {
      const size = sizeOf(item)
      this.#waiting.push(item)
      this.#sizes.push(size)
      this.#chars += size
      this.total += 1
    }
  }

  /** The batch to do now: the one that was tried before, or the oldest items. Undefined when nothing waits. */
  next(): InboxBatch<Item> | undefined {
    if (this.#tried === 0) this.#tried = this.#cut()
    const items = this.#waiting.slice(0, this.#tried)
    const [first, last] = [items[0], items.at(-1)]
    return first && last && { items, idempotencyKey: `${first.id}..${last.id}` }
  }

  /** The batch that {@link next} gave is done. */
  settle(): void {
    this.#waiting.splice(0, this.#tried)
    for (const size of this.#sizes.splice(0, this.#tried)) this.#chars -= size
    this.#tried = 0
  }

  /** How many items make up the next batch. */
  #cut(): number {
    const most = Math.min(this.#batchItems, this.#waiting.length)
    let chars = 0
    let items = 0
    for (; items < most; items++) {
      chars += this.#sizes[items] ?? 0
      if (chars > MAX_BATCH_CHARS && items > 0) break
    }
    return items
  }

  toState(): InboxState<Item> {
    const { total, duplicates, malformed } = this
    return { total, duplicates, malformed, seen: this.#seen.toArray(), waiting: [...this.#waiting], tried: this.#tried }
  }
}

/**
 * Serves an entity whose signals go into an inbox, until its run is due, then returns: see {@link serveEntity}. Batches are
 * done one after the other, in the order in which their items came. One that fails is tried again after a minute, under
 * the same key, in the next run if need be; meanwhile signals are taken in. Beyond what a state can hold, a run that is
 * due waits for its batches: the server takes 10,000 signals a run, so what comes thick and fast is better folded into
 * sums than kept one by one.
 *
 * @param work does a batch, as a rule by an activity that gives up within minutes
 * @throws CancelledFailure when the workflow is cancelled, after what waits was tried once more
 */
export async function serveInbox<Item extends InboxItem>(
  run: EntityRun,
  inbox: Inbox<Item>,
  work: (batch: InboxBatch<Item>) => Promise<unknown>,
): Promise<void> {
  const attempt = async (): Promise<boolean> => {
    const batch = inbox.next()
    if (batch === undefined) return false
    try {
      await work(batch)
    } catch (error) {
      if (isCancellation(error)) throw error
      const { items, idempotencyKey } = batch
      const reason = rootCause(error) ?? String(error)
      log.error('a batch could not be done and stays queued', { idempotencyKey, items: items.length, reason })
      return false
    }
    inbox.settle()
    return true
  }
  const mayHandOver = () => inbox.isSmall
  await serveEntity(run, {
    ready: () => inbox.waiting > 0,
    async step() {
      if (!(await attempt())) await condition(() => run.due && mayHandOver(), RETRY_PAUSE)
    },
    mayHandOver,
    async close() {
      while (await attempt());
    },
  })
}

function sizeOf(item: unknown): number {
  return JSON.stringify(item)?.length ?? 0
}
