import { log } from '@temporalio/activity'
import type { UsageTotals } from '../workflows/usage-ledger.ts'

/** One chunk of usage for the store. */
export interface UsageToStore {
  readonly rule: string
  readonly key: string
  /** The same chunk always has the same key, also when it is sent again: store each key once. */
  readonly idempotencyKey: string
  /** What this chunk adds: for stores that sum up. */
  readonly added: UsageTotals
  /** All usage of (rule, key) up to this chunk: for stores that overwrite. */
  readonly totals: UsageTotals
}

/** Puts usage where billing reads it. May be called again with the same idempotency key. */
export type StoreUsage = (usage: UsageToStore) => Promise<UsageTotals>

/** The activities of `usageMeter`. */
export interface UsageActivities {
  storeUsage: StoreUsage
}

/** The default store: the worker's log. The totals themselves live in the workflow. */
export const logUsage: StoreUsage = async ({ rule, key, idempotencyKey, added, totals }) => {
  log.info('usage', { rule, key, idempotencyKey, added: added.total, total: totals.total })
  return totals
}
