import {
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  log,
  proxyActivities,
  rootCause,
  setCurrentDetails,
  setHandler,
} from '@temporalio/workflow'
import { BATCH_SIGNAL, type EntityInput, type MeterBatch } from '../../agent/messages.ts'
import type { UsageActivities } from '../activities/store-usage.ts'
import { ENTITY_DEFAULTS, EntityRun, serveEntity, type EntityOptions } from './entity.ts'
import { code } from './markdown.ts'
import { UsageLedger, type UsageState, type UsageTotals } from './usage-ledger.ts'

/** Input of {@link usageMeter}; the agent sends rule and key only. */
export interface UsageMeterInput extends EntityInput<UsageState> {
  readonly options?: EntityOptions
}

/** Answer of the query `usage`. */
export interface Usage extends UsageTotals {
  readonly rule: string
  readonly key: string
  /** Records that came again and were not counted again. */
  readonly duplicates: number
  readonly malformed: number
  /** Counted, and not yet known to be stored. */
  readonly unstored: number
  /** Why the last attempt to store failed, null when it did not. */
  readonly storeError: string | null
}

export const batchSignal = defineSignal<[MeterBatch]>(BATCH_SIGNAL)
export const usageQuery = defineQuery<Usage>('usage')

/** A failed chunk waits this long for its next try. Signals are counted meanwhile. */
const RETRY_PAUSE = '1 minute'

const { storeUsage } = proxyActivities<UsageActivities>({
  startToCloseTimeout: '10 seconds',
  // Not longer: a run that waits for its store cannot continue as new, and the server takes 10,000 signals a run. What
  // was not stored in time stays sealed and is tried again, in the next run if need be, under the same key.
  scheduleToCloseTimeout: '1 minute',
  retry: { initialInterval: '500 milliseconds', maximumInterval: '15 seconds' },
})

/**
 * Counts the requests of one key: an entity workflow that lives as long as its key does. Signal `batch` brings records,
 * in any order and possibly again; query `usage` tells the totals; activity `storeUsage` gets what is new, one chunk at
 * a time: whatever arrives while one is stored makes up the next, so a busy key costs fewer activities per request.
 */
export async function usageMeter(input: UsageMeterInput): Promise<void> {
  const run = new EntityRun(input.options)
  const ledger = new UsageLedger(input.options?.seenIds ?? ENTITY_DEFAULTS.seenIds, input.state)
  let storeError: string | null = null

  setHandler(usageQuery, () => ({
    rule: input.rule,
    key: input.key,
    ...ledger.totals,
    duplicates: ledger.duplicates,
    malformed: ledger.malformed,
    unstored: ledger.unstored,
    storeError,
  }))
  setHandler(batchSignal, (batch) => {
    run.signalled()
    ledger.add(batch)
  })

  await serveEntity(run, {
    ready: () => ledger.unstored > 0,
    async step() {
      const chunk = ledger.seal()
      if (chunk === undefined) return
      const { firstId, lastId, added, totals } = chunk
      try {
        const idempotencyKey = `${firstId}..${lastId}`
        await storeUsage({ rule: input.rule, key: input.key, idempotencyKey, added, totals })
        ledger.settle()
        storeError = null
        setCurrentDetails(`**${totals.total}** requests of ${code(input.key)} counted and stored`)
      } catch (error) {
        if (isCancellation(error)) throw error
        storeError = rootCause(error) ?? String(error)
        log.error('usage could not be stored and stays queued', { idempotencyKey: `${firstId}..${lastId}`, storeError })
        await condition(() => run.due, RETRY_PAUSE)
      }
    },
  })
  await continueAsNew<typeof usageMeter>({ ...input, state: ledger.toState() })
}
