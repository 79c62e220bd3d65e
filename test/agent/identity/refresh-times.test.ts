import { describe, expect, it } from 'vitest'
import { backoffMs, freshForMs, keyLimits } from '../../../agent/identity/refresh-times.ts'

describe('freshForMs', () => {
  it.each([
    [undefined, 600_000],
    ['public', 600_000],
    ['max-age=900', 900_000],
    ['public, max-age=900, must-revalidate', 900_000],
    ['Max-Age="900"', 900_000],
    ['max-age=1', 60_000],
    ['max-age=999999', 3_600_000],
    ['max-age=99999999999999999999', 600_000],
    ['max-age=-1', 600_000],
    ['no-store, max-age=900', 60_000],
    ['no-cache', 60_000],
  ])('Cache-Control %s is %d ms', (header, ms) => {
    expect(freshForMs(header, keyLimits)).toBe(ms)
  })
})

describe('backoffMs', () => {
  it('doubles up to a minute and never comes near zero', () => {
    expect([1, 2, 3, 7, 50].map((failures) => backoffMs(failures, keyLimits, 1))).toEqual([
      1000, 2000, 4000, 60_000, 60_000,
    ])
    expect(backoffMs(1, keyLimits, 0)).toBe(500)
  })
})
