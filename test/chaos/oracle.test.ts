import { describe, expect, it } from 'vitest'
import { Ledger } from './ledger.ts'
import { DURABLE_WINDOW_MS } from './loss.ts'
import { judge, type Violation } from './oracle.ts'
import { entity, request, seen } from './oracle-samples.ts'
import type { Sightings } from './sightings.ts'

let ledger: Ledger

function sent(...of: Parameters<typeof request>): void {
  ledger.sent.push(request(...of))
}

function violations(sightings: Sightings): readonly Violation['what'][] {
  return judge(ledger, sightings).violations.map(({ what }) => what)
}

describe('the oracle', () => {
  it('has nothing to say where each event was seen once', () => {
    ledger = new Ledger()
    sent('meter-durable', 1)
    sent('signal-strict', 2)
    sent('start-memory', 3)
    const sightings = seen(
      [
        entity('meter-durable/acme', { 1: ['meter-durable/id-1'] }),
        entity('signal-strict/acme', { 2: ['signal-strict/id-2'] }),
      ],
      { 'start-memory/id-3': 1 },
    )
    expect(judge(ledger, sightings)).toMatchObject({ violations: [], seen: 3 })
  })

  it.each(['meter-memory', 'signal-durable', 'start-strict'] as const)(
    'misses an event of %s that was not seen',
    (rule) => {
      ledger = new Ledger()
      sent(rule, 1)
      expect(violations(seen([]))).toEqual(['lost'])
    },
  )

  it('sees an event that came under two ids, and a workflow that ran twice', () => {
    ledger = new Ledger()
    sent('signal-durable', 1)
    const twice = { 1: ['signal-durable/id-1', 'signal-durable/id-2'] }
    expect(violations(seen([entity('signal-durable/acme', twice)]))).toEqual(['doubled', 'doubled'])
    ledger = new Ledger()
    sent('start-durable', 1)
    expect(violations(seen([], { 'start-durable/id-1': 2 }))).toEqual(['doubled'])
  })

  it('sees workflow code that has counted one too many or one too few', () => {
    ledger = new Ledger()
    sent('meter-durable', 1)
    for (const counted of [0, 2, undefined]) {
      const sightings = seen([entity('meter-durable/acme', { 1: ['meter-durable/id-1'] }, { counted })])
      expect(violations(sightings)).toEqual(['miscounted'])
    }
  })

  it('does not ask workflow code where it is enough that events have arrived', () => {
    ledger = new Ledger()
    sent('meter-durable', 1)
    const events = { 1: ['meter-durable/id-1'] }
    const found = (counted: number): Violation[] => [
      ...judge(ledger, seen([entity('meter-durable/acme', events, { counted })]), { stage: 'arrived' }).violations,
    ]
    expect(found(0)).toEqual([])
    expect(found(2)).toMatchObject([{ what: 'miscounted' }])
  })

  it('excuses what a kill of the agent may take along, and no more', () => {
    ledger = new Ledger()
    const kill = 10_000
    ledger.kills.push(kill)
    sent('meter-memory', 1, 'ok', { sentAt: 5_000, answeredAt: 5_010 })
    sent('meter-durable', 2, 'ok', { sentAt: kill - 20, answeredAt: kill - 10 })
    const nothing = seen([])
    expect(judge(ledger, nothing)).toMatchObject({ violations: [], lostMemory: 1, lostDurable: 1, durableWindowMs: 10 })
    sent('meter-durable', 3, 'ok', { sentAt: kill - 5_000, answeredAt: kill - DURABLE_WINDOW_MS })
    sent('meter-strict', 4, 'ok', { sentAt: kill - 20, answeredAt: kill - 10 })
    sent('meter-memory', 5, 'ok', { sentAt: kill + 1, answeredAt: kill + 10 })
    expect(violations(nothing)).toEqual(['lost', 'lost', 'lost'])
  })

  it('excuses what an agent had only in memory when its time to end was over', () => {
    ledger = new Ledger()
    ledger.cutShort.push(20_000)
    sent('start-memory', 1)
    sent('start-durable', 2)
    expect(judge(ledger, seen([]))).toMatchObject({
      violations: [{ what: 'lost', where: 'start-durable' }],
      lostMemory: 1,
    })
  })

  it('takes a refusal only while there is nobody to answer, and of strict events while there is no disk', () => {
    const refused = (of: 'all' | 'strict' | undefined, reason: string): readonly Violation['what'][] => {
      ledger = new Ledger()
      if (of !== undefined) ledger.outages.push({ of, from: 0, to: 5_000 })
      sent('start-strict', 1, 'refused', { reason })
      sent('start-durable', 2, 'refused', { reason })
      return violations(seen([]))
    }
    expect(refused(undefined, '503 agent_silent')).toEqual(['refused', 'refused'])
    expect(refused('all', '503 agent_silent')).toEqual([])
    expect(refused('strict', '503 event_not_stored')).toEqual(['refused'])
    expect(refused('strict', '503 timeout')).toEqual(['refused', 'refused'])
  })

  it('sees an event whose request was told that there is none', () => {
    ledger = new Ledger()
    ledger.outages.push({ of: 'strict', from: 0, to: 5_000 })
    sent('signal-strict', 1, 'refused', { reason: '503 event_not_stored' })
    const sightings = seen([entity('signal-strict/acme', { 1: ['signal-strict/id-1'] })])
    expect(violations(sightings)).toEqual(['refused but delivered'])
  })

  it('sees events that nobody has sent', () => {
    ledger = new Ledger()
    expect(violations(seen([entity('meter-strict/acme', { 7: ['meter-strict/id-7'] })]))).toEqual(['never sent'])
  })

  it('sees a workflow in the namespace of another rule', () => {
    ledger = new Ledger()
    const astray = new Set(['second-start-strict/id-1 in default'])
    expect(violations({ ...seen([]), astray })).toEqual(['astray'])
  })

  it('tells a workflow that has not completed from one that is not there', () => {
    ledger = new Ledger()
    sent('start-durable', 1)
    const starts = new Map([['start-durable/id-1', { runs: new Set(['run']), completed: false }]])
    expect(violations({ ...seen([]), starts })).toEqual(['unfinished'])
    expect(judge(ledger, { ...seen([]), starts }, { stage: 'arrived' })).toMatchObject({ violations: [], seen: 1 })
  })
})
