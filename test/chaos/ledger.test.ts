import { expect, it } from 'vitest'
import { Ledger } from './ledger.ts'
import { request } from './oracle-samples.ts'

it('asks no answer to be quick in an outage, in which others hold the connections of the client', () => {
  for (const of of ['all', 'strict', 'threads'] as const) {
    const ledger = new Ledger()
    ledger.outages.push({ of, from: 500, to: 1_005 })
    const sent = [request('start-strict', 1), request('start-durable', 2)]
    expect(sent.map((one) => ledger.mayHaveWaited(one))).toEqual([true, true])
    expect(sent.map((one) => ledger.inOutage(one))).toEqual(sent.map(() => of === 'all'))
  }
  expect(new Ledger().mayHaveWaited(request('start-strict', 1))).toBe(false)
})

it('asks it to be quick where that was over before, or began only afterwards', () => {
  const ledger = new Ledger()
  ledger.outages.push({ of: 'all', from: 500, to: 999 }, { of: 'all', from: 1_011, to: 2_000 })
  expect(ledger.mayHaveWaited(request('meter-memory', 1, 'ok', { sentAt: 1_000, answeredAt: 1_010 }))).toBe(false)
})
