import { expect, it } from 'vitest'
import { parseDuration } from '../../../agent/config/duration.ts'

it.each([
  ['500us', 0.5],
  ['40ms', 40],
  ['1.5s', 1500],
  ['5m', 300_000],
  ['1h', 3_600_000],
  ['2d', 172_800_000],
])('%s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

it.each(['40', 'ms', '-1s', '1 s', '1e3ms', '', '1.s', '10S'])('%j is no duration', (text) => {
  expect(parseDuration(text)).toBeUndefined()
})
