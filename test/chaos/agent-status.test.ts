import { describe, expect, it } from 'vitest'
import { Counters, type DispatchCounters, type RuleCounters } from '../../agent/dispatch/counters.ts'
import { heldBack, objectionsTo, unaccounted } from './agent-status.ts'
import { LANES } from './lanes.ts'
import type { Outcome, Sent } from './ledger.ts'

const NONE: RuleCounters = new Counters([]).read().total

/** Counters of one rule; those of the others are at zero. */
function counters(rule: string, some: Partial<RuleCounters>): Pick<DispatchCounters, 'rules'> {
  const all = LANES.map((lane) => [lane.rule, lane.rule === rule ? { ...NONE, ...some } : NONE] as const)
  return { rules: Object.fromEntries(all) }
}

function sent(rule: string, outcome: Outcome): Sent {
  const lane = LANES.find((one) => one.rule === rule)
  if (lane === undefined) throw new Error(rule)
  return { n: 1, lane, tenant: 'acme', keyed: false, sentAt: 0, answeredAt: 0, outcome, requestId: '', reason: '' }
}

describe('counters of an agent at rest', () => {
  it('are right where all that was received was delivered', () => {
    expect(objectionsTo(counters('start-durable', { received: 3, delivered: 2, deduplicated: 1 }), [])).toEqual([])
  })

  it('are wrong where the law does not hold, or an event has not been delivered', () => {
    expect(objectionsTo(counters('start-durable', { received: 3, delivered: 2 }), [])).toEqual([
      'start-durable: received 3, but accounted for 2',
    ])
    expect(objectionsTo(counters('start-durable', { received: 1, deadLettered: 1 }), [])).toHaveLength(1)
    expect(objectionsTo(counters('start-durable', { received: 1, pending: 1 }), [])).toHaveLength(1)
  })

  it('may have shed strict events whose requests were not answered 200, and no others', () => {
    const shed = (rule: string, outcome: Outcome): string[] =>
      objectionsTo(counters(rule, { received: 1, shed: 1 }), [sent(rule, outcome)])
    expect(shed('meter-strict', 'unknown')).toEqual([])
    expect(shed('meter-strict', 'ok')).toHaveLength(1)
    expect(shed('meter-durable', 'unknown')).toHaveLength(1)
  })

  it('may have coalesced events of a rule that debounces, and of no other', () => {
    const coalesced = (rule: string): string[] => objectionsTo(counters(rule, { received: 1, coalesced: 1 }), [])
    expect(coalesced('debounced-start-strict')).toEqual([])
    expect(coalesced('throttled-start-strict')).toEqual(['throttled-start-strict: coalesced 1'])
  })

  it('have grown by what was sent', () => {
    const before = counters('meter-memory', { received: 5, deduplicated: 1 })
    const grown = (received: number, deduplicated: number): string[] =>
      unaccounted(before, counters('meter-memory', { received, deduplicated }), [
        sent('meter-memory', 'ok'),
        sent('meter-memory', 'unknown'),
      ])
    for (const [received, deduplicated] of [
      [6, 1],
      [7, 1],
      [8, 2],
    ] as const) {
      expect(grown(received, deduplicated)).toEqual([])
    }
    expect(grown(5, 1)).toHaveLength(1)
    expect(grown(8, 1)).toHaveLength(1)
  })

  it('tell what waits of rules that hold back, and not what waits of others', () => {
    expect(heldBack(counters('throttled-start-strict', { received: 3, delivered: 1, pending: 2 }))).toBe(2)
    expect(heldBack(counters('start-strict', { received: 1, pending: 1 }))).toBe(0)
  })

  it('have whatever number of summaries of a rule that counts its requests', () => {
    const summaries = counters('window-durable', { received: 1, delivered: 1 })
    expect(unaccounted(counters('window-durable', {}), summaries, [])).toEqual([])
    expect(unaccounted(counters('start-durable', {}), counters('start-durable', { received: 1 }), [])).toHaveLength(1)
  })

  it('have coalesced at least what must have been, because Temporal does not have it', () => {
    const none = counters('debounced-start-strict', {})
    const after = counters('debounced-start-strict', { received: 2, delivered: 1, coalesced: 1 })
    const both = [0, 1].map((n) => ({ ...sent('debounced-start-strict', 'ok'), n }))
    expect(unaccounted(none, after, both, { 'debounced-start-strict': 1 })).toEqual([])
    expect(unaccounted(none, after, both, { 'debounced-start-strict': 2 })).toEqual([
      'debounced-start-strict: 2 events are not there, but 1 were coalesced',
    ])
  })

  it('have one event of what a client has sent twice under one key', () => {
    const twice = [0, 1].map(() => ({ ...sent('start-strict', 'ok'), keyed: true }))
    const grown = (some: Partial<RuleCounters>): string[] =>
      unaccounted(counters('start-strict', {}), counters('start-strict', some), twice)
    expect(grown({ received: 2, deduplicated: 1 })).toEqual([])
    expect(grown({ received: 2, deduplicated: 2 })).toHaveLength(1)
  })
})
