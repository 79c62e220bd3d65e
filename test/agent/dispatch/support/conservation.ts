import { expect } from 'vitest'
import type { Dispatcher, RuleCounters } from '../../../../agent/dispatch/dispatcher.ts'

/** The conservation law, for each rule and in total. */
export function expectConserved(dispatcher: Pick<Dispatcher, 'counters'>): void {
  const { rules, total } = dispatcher.counters()
  for (const [rule, counters] of [...Object.entries(rules), ['total', total] as const]) {
    expect({ rule, received: counters.received }).toEqual({ rule, received: accounted(counters) })
    for (const [name, value] of Object.entries(counters))
      expect({ rule, name, negative: value < 0 }).toEqual({ rule, name, negative: false })
  }
}

function accounted(c: RuleCounters): number {
  const left = c.sampledOut + c.windowed + c.rateLimited + c.shed + c.deadLettered + c.pending
  return c.delivered + c.coalesced + c.deduplicated + left
}
