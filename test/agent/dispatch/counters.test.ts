import { expect, test } from 'vitest'
import { Counters, GLOBAL, SLOT, SPARE_RULES } from '../../../agent/dispatch/counters.ts'

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

test('rules that a reload brings get rows of their own on both sides, and the others keep their counts', () => {
  const hot = new Counters(['orders', 'usage'])
  const thread = new Counters(hot.names, hot.shared)
  hot.add(hot.row('orders'), SLOT.received, 2)
  for (const side of [hot, thread]) expect(side.addRules(['audit', 'orders'])).toBe(0)
  hot.add(hot.row('audit'), SLOT.received, 3)
  thread.add(thread.row('audit'), SLOT.taken, 3)
  thread.add(thread.row('audit'), SLOT.delivered, 3)
  thread.add(thread.row('orders'), SLOT.taken, 2)
  const { rules } = hot.read()
  expect(Object.keys(rules)).toEqual(['orders', 'usage', '(other)', 'audit'])
  expect(rules['audit']).toMatchObject({ received: 3, delivered: 3, pending: 0 })
  expect(rules['orders']).toMatchObject({ received: 2, pending: 0 })
  expect(thread.read()).toEqual(hot.read())
})

test('what a rule has spent tells its events from the summaries of its windows', () => {
  const counters = new Counters(['audit'])
  counters.add(0, SLOT.received, 10)
  counters.add(0, SLOT.windowed, 5)
  counters.add(0, SLOT.taken, 5)
  counters.add(0, SLOT.delivered, 5)
  // Two of those five were summaries, one of them for a workflow that was started.
  counters.add(0, SLOT.actions, 6)
  counters.add(0, SLOT.summaries, 2)
  counters.add(0, SLOT.summaryActions, 3)
  expect(counters.spent(0)).toEqual({ requests: 8, settled: 3, actions: 3, summaryActions: 3 })
  expect(counters.read().rules['audit']).toMatchObject({ received: 10, windowed: 5, delivered: 5, pending: 0 })
})

test('beyond the spare rows rules share that of others, and it is told how many', () => {
  const counters = new Counters(['orders'])
  const many = Array.from({ length: SPARE_RULES + 3 }, (_, i) => `rule-${i}`)
  expect(counters.addRules(many)).toBe(3)
  expect(counters.row(`rule-${SPARE_RULES - 1}`)).toBe(SPARE_RULES + 1)
  expect(counters.row(`rule-${SPARE_RULES}`)).toBe(counters.other)
  counters.add(counters.row(`rule-${SPARE_RULES - 1}`), SLOT.received)
  expect(counters.read().total.received).toBe(1)
})
