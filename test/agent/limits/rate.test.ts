import { describe, expect, it } from 'vitest'
import { parseRate } from '../../../agent/limits/rate.ts'

describe('parseRate', () => {
  it.each([
    ['100/1m', 100, 60_000],
    ['5/1s', 5, 1000],
    ['10000/24h', 10_000, 86_400_000],
    ['1/1ms', 1, 1],
    ['1000000/30d', 1_000_000, 2_592_000_000],
    ['3/1.5s', 3, 1500],
    ['1/1000us', 1, 1],
  ])('reads %s', (text, count, periodMs) => {
    expect(parseRate(text)).toEqual({ count, periodMs })
  })

  it.each([
    ['100/m', '"100/m" is no rate: write 100/1m'],
    ['100', '"100" is no rate: expected a count, "/" and a duration, such as 100/1m, 5/1s or 10000/24h'],
    ['', '"" is no rate: expected a count'],
    ['1m/100', '"1m/100" is no rate: expected a count'],
    ['-1/1s', '"-1/1s" is no rate: expected a count'],
    ['1.5/1s', '"1.5/1s" is no rate: expected a count'],
    ['1/1s/1', '"1/1s/1" is no rate: expected a count'],
    [' 1/1s', '" 1/1s" is no rate: expected a count'],
    ['1/-1s', '"1/-1s" is no rate: expected a count'],
    ['0/1s', '"0/1s" counts outside 1 to 1000000'],
    ['1000001/1s', '"1000001/1s" counts outside 1 to 1000000'],
    ['1/0s', '"1/0s" has a duration outside 1ms to 30d'],
    ['1/31d', '"1/31d" has a duration outside 1ms to 30d'],
    ['1/1500us', '"1/1500us" has a duration outside 1ms to 30d, or one that is no whole number of milliseconds'],
  ])('refuses "%s"', (text, message) => {
    expect(parseRate(text)).toEqual(expect.stringContaining(message))
  })
})
