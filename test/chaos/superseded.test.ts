import { beforeEach, expect, it } from 'vitest'
import { Ledger, type Sent } from './ledger.ts'
import { judge } from './oracle.ts'
import { entity, request, seen } from './oracle-samples.ts'

const RULE = 'debounced-signal-durable'

let ledger: Ledger

beforeEach(() => {
  ledger = new Ledger()
})

function sent(n: number, from: number, to: number, more: Partial<Sent> = {}): void {
  ledger.sent.push(request(RULE, n, more.outcome, { sentAt: from, answeredAt: to, ...more }))
}

/** What is wrong where Temporal has the events of these numbers. */
function missed(...numbers: readonly number[]): string[] {
  const events = Object.fromEntries(numbers.map((n) => [n, [`${RULE}/id-${n}`]]))
  return judge(ledger, seen([entity(`${RULE}/acme`, events)])).violations.map(({ what, which }) => `${what} ${which}`)
}

it('wants the last event of a key, and takes any of those before for coalesced', () => {
  sent(1, 0, 10)
  sent(2, 100, 110)
  sent(3, 200, 210)
  expect(missed(3)).toEqual([])
  expect(missed(1, 3)).toEqual([])
  expect(missed(1, 2)).toEqual(['lost #3 id-3'])
  expect(missed(1)).toEqual(['lost #2 id-2', 'lost #3 id-3'])
  expect(judge(ledger, seen([entity(`${RULE}/acme`, { 3: [`${RULE}/id-3`] })]))).toMatchObject({
    seen: 1,
    coalesced: { [RULE]: 2 },
  })
})

it('takes either of two requests that overlap for the later one', () => {
  sent(1, 0, 100)
  sent(2, 50, 150)
  expect(missed(1)).toEqual([])
  expect(missed(2)).toEqual([])
  expect(missed()).toHaveLength(2)
})

it('lets no event stand for one of another tenant, or of another rule', () => {
  sent(1, 0, 10)
  sent(2, 100, 110, { tenant: 'globex' })
  expect(missed(2)).toEqual(['lost #1 id-1'])
  ledger.sent.splice(1, 1, request('signal-durable', 2, 'ok', { sentAt: 100, answeredAt: 110 }))
  const other = entity('signal-durable/acme', { 2: ['signal-durable/id-2'] })
  expect(judge(ledger, seen([other])).violations).toMatchObject([{ what: 'lost', where: RULE }])
})

it('lets an event stand for earlier ones although its request had no answer, but none that is not there', () => {
  ledger.outages.push({ of: 'all', from: 90, to: 400 })
  sent(1, 0, 10)
  sent(2, 100, 110, { outcome: 'unknown', requestId: '' })
  expect(missed(2)).toEqual([])
  expect(missed()).toEqual(['lost #1 id-1'])
})

it('knows that an agent that was away may take a request when its client has given up', () => {
  ledger.outages.push({ of: 'all', from: 90, to: 400 })
  sent(1, 100, 110, { outcome: 'unknown', requestId: '' })
  sent(2, 300, 310)
  expect(missed(1)).toEqual([])
  sent(3, 401, 410)
  expect(missed(1)).toEqual(['lost #3 id-3'])
})

it('excuses the last event where a kill may have taken it along, and not those before it', () => {
  sent(1, 0, 10)
  sent(2, 5_000, 5_010)
  ledger.kills.push(5_020)
  expect(missed(1)).toEqual([])
  expect(missed()).toEqual(['lost #1 id-1'])
})
