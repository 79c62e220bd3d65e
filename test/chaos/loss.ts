import type { Ledger, Sent } from './ledger.ts'

/**
 * Milliseconds before a kill of the agent within which an event of the class `durable` may still be on its way to the
 * disk. A commit takes some; a machine with other work may not let the agent write for far longer.
 */
export const DURABLE_WINDOW_MS = 1_000

export interface Loss {
  /** As documented, or not. */
  readonly what: 'lostMemory' | 'lostDurable' | 'lost'
  /** The request that was promised the event. */
  readonly sent: Sent
  /** Of a durable event, how long before the kill it was answered, in milliseconds. */
  readonly beforeMs: number
}

/**
 * How an event that is not there was lost, by all its requests that were answered 200. Each of them is a promise of its own:
 * one that an agent gave after a kill holds, whatever the kill has taken along of the one before.
 */
export function lossOf(promised: readonly [Sent, ...Sent[]], ledger: Ledger): Loss {
  const losses = promised.map((sent) => lossOfOne(sent, ledger))
  const [first = lossOfOne(promised[0], ledger)] = losses
  return losses.find(({ what }) => what === 'lost') ?? first
}

function lossOfOne(sent: Sent, { kills, cutShort }: Ledger): Loss {
  const { delivery } = sent.lane
  const before = untilNext(sent, kills)
  const forgotten = before !== undefined || untilNext(sent, cutShort) !== undefined
  if (delivery === 'memory' && forgotten) return { what: 'lostMemory', sent, beforeMs: 0 }
  if (delivery === 'durable' && before !== undefined && before < DURABLE_WINDOW_MS) {
    return { what: 'lostDurable', sent, beforeMs: before }
  }
  return { what: 'lost', sent, beforeMs: 0 }
}

/** Milliseconds from the answer to the next end of the agent; undefined without one. */
function untilNext({ sentAt, answeredAt }: Sent, ends: readonly number[]): number | undefined {
  const next = ends.find((at) => at >= sentAt)
  return next === undefined ? undefined : Math.max(0, next - answeredAt)
}
