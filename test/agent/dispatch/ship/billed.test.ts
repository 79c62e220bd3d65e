import { expect, test } from 'vitest'
import { Counters } from '../../../../agent/dispatch/counters.ts'
import { billedActions, countBilled } from '../../../../agent/dispatch/ship/billed.ts'

const DELIVERED = { kind: 'delivered' } as const

test('what was started and what was signalled is billed each', () => {
  expect(billedActions('start', DELIVERED, { started: true })).toBe(1)
  expect(billedActions('signal', DELIVERED, {})).toBe(1)
  expect(billedActions('signalWithStart', DELIVERED, { started: true })).toBe(2)
  expect(billedActions('signalWithStart', DELIVERED, { started: false })).toBe(1)
  expect(billedActions('cancel', DELIVERED, {})).toBe(1)
  expect(billedActions('terminate', DELIVERED, {})).toBe(1)
})

test('a repetition is not', () => {
  expect(billedActions('start', { kind: 'deduplicated' }, { started: false })).toBe(0)
})

test('what summaries of windows are billed is counted with the rest of their rule, and apart', () => {
  const counters = new Counters(['audit'])
  countBilled(counters, { rule: 'audit', kind: 'signal' }, 1)
  countBilled(counters, { rule: 'audit', kind: 'window' }, 2)
  expect(counters.read().actions['audit']).toBe(3)
  expect(counters.spent(counters.row('audit'))).toMatchObject({ actions: 1, summaryActions: 2 })
})
