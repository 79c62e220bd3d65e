import { describe, expect, it } from 'vitest'
import { Ledger, type Outcome } from './ledger.ts'
import { judge, type Violation } from './oracle.ts'
import { entity, request, seen } from './oracle-samples.ts'
import type { Sightings } from './sightings.ts'

function sent(ledger: Ledger, ...of: Parameters<typeof request>): void {
  ledger.sent.push(request(...of))
}

function violations(ledger: Ledger, sightings: Sightings): readonly Violation['what'][] {
  return judge(ledger, sightings).violations.map(({ what }) => what)
}

describe('the oracle, of requests that were sent twice under one key', () => {
  const again = { keyed: true, sentAt: 4_000, answeredAt: 4_010, requestId: 'again' }

  it('wants one event under the id of the key', () => {
    const ledger = new Ledger()
    ledger.outages.push({ of: 'all', from: 0, to: 5_000 })
    sent(ledger, 'meter-strict', 1, 'ok', { keyed: true })
    sent(ledger, 'meter-strict', 1, 'ok', again)
    sent(ledger, 'start-memory', 2, 'unknown', { keyed: true })
    sent(ledger, 'start-memory', 2, 'ok', again)
    const batch = entity('meter-strict/acme', { 1: ['meter-strict/k:acme/1'] })
    expect(judge(ledger, seen([batch], { 'start-memory/k:acme/2': 1 }))).toMatchObject({ violations: [], seen: 2 })
  })

  it('sees a second effect, whether its id is that of the key or that of the request', () => {
    const ledger = new Ledger()
    sent(ledger, 'start-durable', 1, 'ok', { keyed: true })
    sent(ledger, 'start-durable', 1, 'ok', again)
    expect(violations(ledger, seen([], { 'start-durable/k:acme/1': 2 }))).toEqual(['doubled'])
    expect(violations(ledger, seen([], { 'start-durable/k:acme/1': 1, 'start-durable/again': 1 }))).toContain('doubled')
    expect(violations(ledger, seen([], { 'start-durable/again': 1 }))).toContain('doubled')
  })

  it('misses the event once where one of the two answers has promised it', () => {
    for (const [first, second] of [
      ['ok', 'ok'],
      ['unknown', 'ok'],
      ['ok', 'unknown'],
    ] as const) {
      const ledger = new Ledger()
      ledger.outages.push({ of: 'all', from: 0, to: 5_000 })
      sent(ledger, 'signal-memory', 1, first, { keyed: true })
      sent(ledger, 'signal-memory', 1, second, again)
      expect(violations(ledger, seen([]))).toEqual(['lost'])
    }
  })

  it('excuses what a kill has taken along of both, and not what was promised after it', () => {
    const ledger = new Ledger()
    ledger.kills.push(2_000)
    sent(ledger, 'signal-memory', 1, 'ok', { keyed: true })
    sent(ledger, 'signal-memory', 1, 'ok', { ...again, sentAt: 1_500, answeredAt: 1_510 })
    expect(judge(ledger, seen([]))).toMatchObject({ violations: [], lostMemory: 1 })
    ledger.sent.pop()
    sent(ledger, 'signal-memory', 1, 'ok', again)
    expect(violations(ledger, seen([]))).toEqual(['lost'])
  })

  it('takes an event of a refused request where the other one was let through, or where nobody knows', () => {
    const refused = (second: Outcome): readonly Violation['what'][] => {
      const ledger = new Ledger()
      ledger.outages.push({ of: 'strict', from: 0, to: 5_000 })
      const reason = '503 event_not_stored'
      sent(ledger, 'start-strict', 1, 'refused', { keyed: true, reason })
      sent(ledger, 'start-strict', 1, second, { ...again, reason: second === 'refused' ? reason : '' })
      return violations(ledger, seen([], { 'start-strict/k:acme/1': 1 }))
    }
    expect(refused('ok')).toEqual([])
    expect(refused('unknown')).toEqual(['refused'])
    expect(refused('refused')).toEqual(['refused but delivered'])
  })
})
