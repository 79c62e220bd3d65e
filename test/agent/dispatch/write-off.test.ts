import { expect, test } from 'vitest'
import { Counters, GLOBAL, SLOT } from '../../../agent/dispatch/counters.ts'
import { writeOff } from '../../../agent/dispatch/write-off.ts'
import { expectConserved } from './support/conservation.ts'

/** Ten received of a rule: one delivered, two in memory, three on disk, and four that no thread has taken. */
function books() {
  const counters = new Counters(['orders'])
  const row = counters.row('orders')
  counters.add(row, SLOT.received, 10)
  counters.add(row, SLOT.taken, 6)
  counters.add(row, SLOT.delivered, 1)
  counters.add(row, SLOT.inMemory, 2)
  counters.add(row, SLOT.stored, 3)
  counters.addGlobal(GLOBAL.accepted, 10)
  counters.addGlobal(GLOBAL.acceptedBytes, 1_000)
  counters.addGlobal(GLOBAL.stored, 3)
  return { counters, row }
}

test('at the end all that is not on disk is shed, and takes no memory any more', () => {
  const { counters } = books()
  expect(writeOff(counters, undefined)).toBe(6)
  expect(counters.read()).toMatchObject({
    total: { received: 10, delivered: 1, shed: 6, pending: 3 },
    memory: { events: 0, bytes: 0 },
  })
  expect(counters.getGlobal(GLOBAL.stored)).toBe(3)
  expectConserved({ counters: () => counters.read() })
})

test('before others take their place, what is not posted yet stays, and the next ones count what is on disk', () => {
  const { counters, row } = books()
  expect(writeOff(counters, { events: new Map([[row, 1]]), bytes: 100 })).toBe(5)
  expect(counters.read().memory).toEqual({ events: 1, bytes: 100 })
  expect([counters.getGlobal(GLOBAL.stored), counters.get(row, SLOT.recovered)]).toEqual([0, -3])
  // As the next store thread does when it opens the outbox.
  counters.add(row, SLOT.recovered, 3)
  counters.add(row, SLOT.stored, 3)
  expect(counters.read().total).toMatchObject({ received: 10, delivered: 1, shed: 5, pending: 4 })
  expectConserved({ counters: () => counters.read() })
})
