import { expect, it } from 'vitest'
import { joinedKey, partOfKey, type ShapePart } from '../../../../agent/dispatch/shape/keys.ts'

const debounce = { waitMs: 1, maxWaitMs: 1 }
const pace = { count: 1, perMs: 1 }
const keyOf = (part: ShapePart): string => `key of ${part}`

it('an action with one part has its key as it is, so that a workflow id can stand for it', () => {
  expect(joinedKey({ throttle: pace }, keyOf)).toBe('key of throttle')
  expect(partOfKey({ throttle: pace }, 'order/7', 'throttle')).toBe('order/7')
})

it('an action with several parts gives each its own key back', () => {
  const action = { debounce, throttle: pace, rateLimit: pace }
  const key = joinedKey(action, keyOf)
  for (const part of ['debounce', 'throttle', 'rateLimit'] as const)
    expect(partOfKey(action, key, part)).toBe(keyOf(part))
  const two = { debounce, rateLimit: pace }
  expect(partOfKey(two, joinedKey(two, keyOf), 'rateLimit')).toBe('key of rateLimit')
})

it('the empty key, of a whole rule, is told from others', () => {
  const action = { throttle: pace, rateLimit: pace }
  const key = joinedKey(action, (part) => (part === 'throttle' ? '' : 'acme'))
  expect(partOfKey(action, key, 'throttle')).toBe('')
  expect(partOfKey(action, key, 'rateLimit')).toBe('acme')
})

it('a workflow id stands for every part where a call has no key', () => {
  const action = { debounce, throttle: pace }
  expect(partOfKey(action, 'order/7', 'debounce')).toBe('order/7')
  expect(partOfKey(action, 'order/7', 'throttle')).toBe('order/7')
})
