import { beforeEach, describe, expect, it } from 'vitest'
import { type EndKind, LANES } from './lanes.ts'
import { Ledger, type Outcome } from './ledger.ts'
import { judge, type Stage } from './oracle.ts'
import { request, seen } from './oracle-samples.ts'
import type { Sightings } from './sightings.ts'

const ENDS = { terminate: 'terminate-durable', cancel: 'cancel-strict' } as const
const STARTS = { terminate: 'ended-start-durable', cancel: 'ended-start-strict' } as const
const KINDS = ['terminate', 'cancel'] as const

let ledger: Ledger

beforeEach(() => {
  ledger = new Ledger()
})

/** A workflow of the number 1, and a request of the number 2 that is to end it. */
function sent(kind: EndKind, outcome: Outcome = 'ok', reason = ''): void {
  ledger.sent.push(request(STARTS[kind], 1))
  ledger.sent.push(request(ENDS[kind], 2, outcome, { ends: 1, sentAt: 2_000, answeredAt: 2_010, reason }))
}

function workflow(of: EndKind, ended?: EndKind): Sightings {
  const sight = { runs: new Set(['run']), completed: false, ...(ended && { ended }) }
  return { ...seen([]), starts: new Map([[`${STARTS[of]}/1`, sight]]) }
}

function found(sightings: Sightings, stage: Stage = 'worked'): string[] {
  return judge(ledger, sightings, { stage }).violations.map(({ what, where }) => `${what} ${where}`)
}

describe('the oracle, of workflows that are ended', () => {
  it.each(KINDS)('wants what was promised to %s, and so', (kind) => {
    sent(kind)
    const [other = kind] = KINDS.filter((one) => one !== kind)
    expect(found(workflow(kind, kind))).toEqual([])
    expect(found(workflow(kind))).toEqual([`lost ${ENDS[kind]}`])
    expect(found(workflow(kind, other))).toEqual([`never sent ${other}`, `lost ${ENDS[kind]}`])
  })

  it('takes a workflow that stays open for right, and sees one that nobody has asked to end', () => {
    ledger.sent.push(request('ended-start-durable', 1))
    expect(found(workflow('terminate'))).toEqual([])
    expect(found(workflow('terminate', 'terminate'))).toEqual(['never sent terminate'])
    ledger.sent.push(request('terminate-durable', 2, 'ok', { ends: 3 }))
    expect(found(workflow('terminate', 'terminate'))).toEqual(['never sent terminate'])
  })

  it('sees a workflow that ran again after it was ended', () => {
    sent('terminate')
    const sight = { runs: new Set(['run', 'again']), completed: false, ended: 'terminate' as const }
    expect(found({ ...seen([]), starts: new Map([['ended-start-durable/1', sight]]) })).toEqual([
      'doubled ended-start-durable/1',
    ])
  })

  it('wants nothing ended that is not there, but misses the start', () => {
    sent('terminate')
    expect(found(seen([]))).toEqual(['lost ended-start-durable'])
  })

  it('excuses an end that a kill may have taken along', () => {
    sent('terminate')
    ledger.kills.push(2_020)
    expect(found(workflow('terminate'))).toEqual([])
  })

  it('sees a cancellation whose client was told that there is none', () => {
    ledger.outages.push({ of: 'strict', from: 1_500, to: 3_000 })
    sent('cancel', 'refused', '503 event_not_stored')
    expect(found(workflow('cancel'))).toEqual([])
    expect(found(workflow('cancel', 'cancel'))).toEqual(['refused but delivered cancel-strict'])
  })

  it('asks for a termination at once, and for a cancellation when workflow code has had its time', () => {
    sent('terminate')
    expect(found(workflow('terminate'), 'arrived')).toEqual(['lost terminate-durable'])
    ledger = new Ledger()
    sent('cancel')
    expect(found(workflow('cancel'), 'arrived')).toEqual([])
  })

  it('knows of each lane that ends workflows which one starts them', () => {
    for (const kind of KINDS) {
      const lane = LANES.find(({ rule }) => rule === ENDS[kind])
      if (lane === undefined) throw new Error(ENDS[kind])
      expect(Ledger.targetOf({ ...request(STARTS[kind], 2), lane, ends: 1 })).toBe(`${STARTS[kind]}/1`)
    }
    expect(Ledger.targetOf(request('start-durable', 1))).toBeUndefined()
  })
})
