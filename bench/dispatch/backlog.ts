import { setTimeout as sleep } from 'node:timers/promises'
import type { Dispatcher } from '../../agent/dispatch/dispatcher.ts'
import type { MeteredEvents } from './metered.ts'

/** Events that may be on their way to the disk while it fills: with those that stay in memory, fewer than may be there. */
const AHEAD = 20_000

/** Fills the outbox while Temporal is away. */
export async function fill(dispatcher: Dispatcher, events: MeteredEvents, count: number): Promise<void> {
  for (let sent = 0; sent < count;) {
    const room = AHEAD - (sent - dispatcher.state().outboxRows)
    const batch = Math.min(room, 2_000, count - sent)
    for (let i = 0; i < batch; i++) if (!dispatcher.dispatch(events.next())) throw new Error('shed')
    sent += Math.max(0, batch)
    await sleep(batch < 2_000 ? 5 : 0)
  }
  while (dispatcher.state().outboxRows < count) await sleep(10)
}

export interface Emptied {
  /** Rate of the last tenth of the events divided by that of the first. */
  readonly lastVsFirst: number
  readonly perS: number
  /** Highest resident memory while it emptied, above that at its begin, in MiB. */
  readonly growthMb: number
}

/** Watches a backlog of so many events being delivered, from the first one on. */
export async function empty(dispatcher: Dispatcher, count: number): Promise<Emptied> {
  const base = dispatcher.counters().total.delivered
  const done = (): number => dispatcher.counters().total.delivered - base
  while (done() === 0) await sleep(1)
  const rss = process.memoryUsage.rss()
  let most = rss
  /** When each tenth was there. */
  const tenths = [performance.now()]
  for (let tenth = 1; tenth <= 10; tenth++) {
    while (done() < (count * tenth) / 10) {
      await sleep(1)
      most = Math.max(most, process.memoryUsage.rss())
    }
    tenths.push(performance.now())
  }
  const took = (tenth: number): number => (tenths[tenth] ?? 0) - (tenths[tenth - 1] ?? 0)
  return {
    lastVsFirst: took(1) / took(10),
    perS: count / (((tenths[10] ?? 0) - (tenths[0] ?? 0)) / 1000),
    growthMb: (most - rss) / 2 ** 20,
  }
}
