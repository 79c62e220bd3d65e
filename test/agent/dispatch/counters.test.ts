import { expect, test } from 'vitest'
import { Counters, GLOBAL, SLOT } from '../../../agent/dispatch/counters.ts'

test('every rule starts at zero, and rules that are not known share a row of their own', () => {
  const counters = new Counters(['orders', 'usage', 'orders'])
  expect(Object.keys(counters.read().rules)).toEqual(['orders', 'usage', '(other)'])
  counters.add(counters.row('unheard-of'), SLOT.received, 3)
  counters.add(counters.row('usage'), SLOT.received)
  expect(counters.read().rules['(other)']).toMatchObject({ received: 3, pending: 3 })
  expect(counters.read().total).toMatchObject({ received: 4, pending: 4 })
})

test('both sides of the shared memory see the same numbers', () => {
  const hot = new Counters(['orders'])
  const thread = new Counters(['orders'], hot.shared)
  hot.add(0, SLOT.received, 5)
  thread.add(0, SLOT.taken, 4)
  thread.add(0, SLOT.delivered, 3)
  thread.add(0, SLOT.stored, 1)
  thread.addGlobal(GLOBAL.calls, 7)
  expect(hot.read()).toMatchObject({ calls: 7, total: { received: 5, delivered: 3, pending: 2 } })
})
