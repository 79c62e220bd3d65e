import { expect, test } from 'vitest'
import { Counters, SLOT } from '../../../../agent/dispatch/counters.ts'
import { type Entry, Ledger } from '../../../../agent/dispatch/store/ledger.ts'
import { Shares } from '../../../../agent/dispatch/store/shares.ts'

const entry: Entry = { row: 0, seq: 1, events: 4, bytes: 1, rowBytes: 100, from: 'disk', at: 0, lane: undefined }

test('a chunk that is cut takes less of the share of its lane, which is known until it has left', () => {
  const counters = new Counters(['usage'])
  const ledger = new Ledger(counters)
  const shares = new Shares({ parcels: 1000, events: 10, bytes: 1e9 })
  ledger.recover('usage', { events: 4, bytes: 100 })
  ledger.load(1, { ...entry, lane: shares.of('', 'acme') })
  const before = shares.of('', 'acme').weight
  expect(ledger.cut(1, 3, 40)).toMatchObject({ events: 1, rowBytes: 40 })
  expect(shares.lanes).toBe(1)
  expect(shares.of('', 'acme')).toMatchObject({ rows: 1, weight: before / 4 })
  expect(ledger).toMatchObject({ stored: 1, storedBytes: 40 })
  ledger.settle(1, 'delivered')
  expect(shares.lanes).toBe(0)
  expect([counters.get(0, SLOT.shed), counters.get(0, SLOT.delivered), ledger.pending]).toEqual([3, 1, 0])
})

test('a row that came to disk after its event takes no share, whether it is sent or left there', () => {
  const ledger = new Ledger(new Counters(['orders']))
  for (const handle of [1, 2]) ledger.keep(handle, { ...entry, seq: 0, events: 1, rowBytes: 0 })
  ledger.backUp(1, 7, 100)
  ledger.backUp(2, 8, 100)
  expect(ledger).toMatchObject({ stored: 2, unstored: 0 })
  expect([...ledger.residentSeqs()]).toEqual([7, 8])
  ledger.unload(1)
  expect(ledger.settle(2, 'delivered')).toMatchObject({ seq: 8, lane: undefined })
  expect(ledger).toMatchObject({ stored: 1, unstored: 0 })
})
