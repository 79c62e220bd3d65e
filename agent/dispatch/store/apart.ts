import type { StoreAction } from './incoming.ts'
import { laneIdOf, type Stock } from './memory.ts'
import { isShaped } from './outgoing.ts'
import type { Lacking } from './shares.ts'
import type { Siding } from './sidings.ts'

/** What of a row tells where it waits. */
interface Placed {
  readonly id: string
  readonly workflowId: string
}

/** With whom a row waits apart, when it does. */
export function sidingOf(
  { sidings }: Stock,
  { action, namespace }: StoreAction,
  workflowId: string,
): Siding | undefined {
  if (sidings.size === 0) return undefined
  if (isShaped(action)) return sidings.ofRule(action.rule)
  return sidings.ofNamespace(namespace) ?? sidings.ofLane(namespace, workflowId)
}

/**
 * Whether the row waits apart, with the row `seq` that is passed now: from now on, where there is no room for it.
 *
 * @returns false: it goes to memory
 */
export function leavesApart(stock: Stock, action: StoreAction, row: Placed, seq: number): boolean {
  if (sidingOf(stock, action, row.workflowId) !== undefined) return true
  const lacking = lackingFor(stock, action, row)
  if (lacking === undefined) return false
  const { sidings } = stock
  const { namespace } = action
  if (lacking === 'rule') sidings.beginRule(action.action.rule, seq - 1)
  // Where many lanes are busy, one reader for all of them is less work than one for each.
  else if (lacking !== 'lane' || !sidings.beginLane(namespace, row.workflowId, seq - 1)) {
    sidings.beginNamespace(namespace, seq - 1)
  }
  return true
}

/** Who has as much in memory as it may, so that the row has to wait on disk. */
function lackingFor(
  { holding, shares }: Stock,
  { action, namespace }: StoreAction,
  row: Placed,
): 'rule' | Lacking | undefined {
  const lacking = shares.lacking(namespace, laneIdOf(row))
  if (!isShaped(action)) return lacking
  return lacking !== undefined || !holding.hasRoom(action.rule) ? 'rule' : undefined
}
