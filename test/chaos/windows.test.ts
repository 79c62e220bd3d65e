import { beforeEach, describe, expect, it } from 'vitest'
import { Ledger } from './ledger.ts'
import { judge } from './oracle.ts'
import { entity, request, seen } from './oracle-samples.ts'
import type { Sightings } from './sightings.ts'
import { COUNT_WINDOW_MS, WindowBook } from './windows.ts'

let ledger: Ledger
let book: WindowBook

beforeEach(() => {
  ledger = new Ledger()
  book = new WindowBook()
})

/** Requests of the tenant acme. */
function sent(...of: readonly Parameters<typeof request>[2][]): void {
  for (const outcome of of) ledger.sent.push(request('window-durable', ledger.sent.length + 1, outcome))
}

function counted(begun: number, answered = begun): Sightings {
  return seen([entity('window-durable/acme', {}, { counts: { begun, answered } })])
}

function found(sightings: Sightings): string[] {
  return book.judge(ledger, sightings).map(({ what, which }) => `${what}: ${which}`)
}

describe('the book of windows', () => {
  it('wants each request that was let through counted once, and its response too', () => {
    sent('ok', 'ok', 'ok')
    expect(found(counted(3))).toEqual([])
    expect(found(counted(2))).toEqual(['lost: 2 requests, of 3 to 3', 'lost: 2 responses, of 3 to 3'])
    expect(found(counted(4, 3))).toEqual(['doubled: 4 requests, of 3 to 3'])
    expect(found(counted(3, 4))).toEqual(['doubled: 4 responses, of 3 to 3'])
    expect(found(seen([]))).toHaveLength(2)
  })

  it('has its requests to itself: none of them has an event that anybody misses', () => {
    sent('ok')
    expect(judge(ledger, counted(1)).violations).toEqual([])
    sent('refused')
    expect(judge(ledger, counted(1)).violations).toMatchObject([{ what: 'refused', where: 'window-durable' }])
  })

  it('takes counts of one workflow for no other one', () => {
    sent('ok')
    const of = (workflowId: string): Sightings => seen([entity(workflowId, {}, { counts: { begun: 1, answered: 1 } })])
    expect(found(of('window-durable/globex'))).toHaveLength(4)
    expect(found(of('window-durable/acme'))).toEqual([])
  })

  it('leaves open whether a request without an answer was counted', () => {
    sent('ok', 'unknown')
    expect(found(counted(1))).toEqual([])
    expect(found(counted(2))).toEqual([])
    expect(found(counted(3))).toHaveLength(2)
  })

  it('wants no response of what was refused', () => {
    sent('ok', 'refused')
    expect(found(counted(2, 1))).toEqual([])
    expect(found(counted(2, 2))).toEqual(['doubled: 2 responses, of 1 to 1'])
  })

  it('excuses the interval that a kill has taken along, and none before or after', () => {
    sent('ok')
    const { sentAt, answeredAt } = request('window-durable', 1)
    const lost = (kill: number): number => {
      ledger.kills.splice(0, 1, kill)
      return found(counted(0)).length
    }
    expect(lost(sentAt)).toBe(0)
    expect(lost(answeredAt + COUNT_WINDOW_MS)).toBe(0)
    expect(lost(sentAt - 1)).toBe(2)
    expect(lost(answeredAt + COUNT_WINDOW_MS + 1)).toBe(2)
  })

  it('takes a request for counted three times where HAProxy has lost the agent, and its response for lost', () => {
    sent('ok')
    ledger.outages.push({ of: 'all', from: 1_500, to: 2_000 })
    expect(found(counted(1, 0))).toEqual([])
    expect(found(counted(2, 0))).toHaveLength(1)
    ledger.outages.push({ of: 'all', from: 1_005, to: 1_200 })
    expect(found(counted(3, 0))).toEqual([])
    expect(found(counted(4, 0))).toHaveLength(1)
  })

  it('begins anew where it was closed: what is missing there cannot come of later requests', () => {
    sent('ok', 'ok')
    expect(found(counted(2))).toEqual([])
    book.close()
    expect(found(counted(2))).toEqual([])
    expect(found(counted(3))).toHaveLength(2)
    sent('ok')
    expect(found(counted(3))).toEqual([])
    expect(found(counted(2))).toHaveLength(2)
  })
})
