import { expect, test } from 'vitest'
import { isReplayed, replayId } from '../../../../agent/dispatch/store/replay-id.ts'

test('the id of a replay tells the rule, that it is one, and the event', () => {
  const row = { id: 'orders/6B04', rule: 'orders' }
  const id = replayId(row, 'm1')
  expect(id).toBe('orders/~m1/6B04')
  expect([isReplayed(row), isReplayed({ ...row, id })]).toEqual([false, true])
  expect(isReplayed({ ...row, id: replayId({ ...row, id }, 'm2') })).toBe(true)
})

test('a key that a caller has chosen does not make an event look like a replay', () => {
  for (const key of ['~m1/6B04', '6B04~m1', '/~m1/6B04']) {
    expect(isReplayed({ id: `orders/k:${key}`, rule: 'orders' })).toBe(false)
  }
})

test('an id that does not begin with the name of its rule is kept whole', () => {
  const row = { id: 'elsewhere/1', rule: 'orders' }
  expect(replayId(row, 'm1')).toBe('orders/~m1/elsewhere/1')
})
