import { expect, it } from 'vitest'
import { Ledger } from './ledger.ts'
import { request } from './oracle-samples.ts'

it('takes no answer for slow that had to wait: for the agent any one, for the disk or its thread a strict one', () => {
  const waited = (of: 'all' | 'strict' | 'threads'): boolean[] => {
    const ledger = new Ledger()
    ledger.outages.push({ of, from: 500, to: 1_005 })
    return [request('start-strict', 1), request('start-durable', 2)].map((sent) => ledger.hadToWait(sent))
  }
  expect(waited('all')).toEqual([true, true])
  expect(waited('strict')).toEqual([true, false])
  expect(waited('threads')).toEqual([true, false])
  expect(new Ledger().hadToWait(request('start-strict', 1))).toBe(false)
})

it('asks nobody to have waited for what was back before, or went away only afterwards', () => {
  const ledger = new Ledger()
  ledger.outages.push({ of: 'all', from: 500, to: 999 }, { of: 'all', from: 1_011, to: 2_000 })
  expect(ledger.hadToWait(request('meter-memory', 1, 'ok', { sentAt: 1_000, answeredAt: 1_010 }))).toBe(false)
})
