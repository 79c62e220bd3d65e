import { expect, test } from 'vitest'
import type { ToStore } from '../../../../agent/dispatch/parcel.ts'
import { Outcomes } from '../../../../agent/dispatch/ship/outcomes.ts'
import { until } from '../support/wait.ts'
import { parcel } from './support/parcels.ts'

test('outcomes of a moment travel in one message of each sort', async () => {
  const told: ToStore[] = []
  const outcomes = new Outcomes((message) => void told.push(message))
  outcomes.settled([parcel(1), parcel(2)], 'delivered')
  outcomes.dead([parcel(4)], 'bad', 3)
  outcomes.settled([parcel(3)], 'deduplicated')
  outcomes.recalled([parcel(5)])
  outcomes.recalled([parcel(6)])
  expect(told).toEqual([])
  await until(() => told.length > 0)
  expect(told).toMatchObject([
    { type: 'settled', handles: Float64Array.of(1, 2, 3), outcomes: Uint8Array.of(0, 0, 1) },
    { type: 'dead', letters: [{ parcel: { handle: 4 }, reason: 'bad', attempts: 3 }] },
    { type: 'recalled', parcels: [{ handle: 5 }, { handle: 6 }] },
  ])
})

test('they are told at once when asked, and once', () => {
  const told: ToStore[] = []
  const transferred: unknown[] = []
  const outcomes = new Outcomes((message, transfer) => {
    told.push(message)
    transferred.push(transfer)
  })
  outcomes.settled([parcel(1)], 'delivered')
  outcomes.flush()
  outcomes.flush()
  expect(told).toHaveLength(1)
  // Handed over, not copied.
  expect(transferred).toEqual([[expect.any(ArrayBuffer), expect.any(ArrayBuffer)]])
})

test('with nothing to tell nothing is told', () => {
  const told: ToStore[] = []
  const outcomes = new Outcomes((message) => void told.push(message))
  outcomes.settled([], 'delivered')
  outcomes.flush()
  expect(told).toEqual([])
})
