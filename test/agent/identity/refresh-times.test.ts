import { describe, expect, it } from 'vitest'
import {
  backoffMs,
  freshForMs,
  keyLimits,
  politePauseMs,
  refreshPauseMs,
} from '../../../agent/identity/refresh-times.ts'

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

describe('freshForMs of an answer that lay in caches', () => {
  it.each([
    ['max-age=900', 300, 600_000],
    ['max-age=900', 900, 60_000],
    ['max-age=900', 99_999, 60_000],
    ['max-age=99999', 300, 3_600_000],
    [undefined, 300, 600_000],
  ])('Cache-Control %s and Age %i is %i ms', (header, ageS, ms) => {
    expect(freshForMs(header, keyLimits, ageS)).toBe(ms)
  })
})

describe('politePauseMs', () => {
  it.each([
    [1000, undefined, 1000],
    [1000, 0, 1000],
    [1000, 30_000, 30_000],
    [40_000, 30_000, 40_000],
    [1000, 86_400_000, 60_000],
  ])('of %i ms where the peer asks for %s ms is %i ms', (pause, asked, ms) => {
    expect(politePauseMs(pause, asked, keyLimits)).toBe(ms)
  })
})

describe('refreshPauseMs', () => {
  it.each([
    [0, 80_000],
    [0.5, 90_000],
    [1, 100_000],
  ])('with the chance %d is %d ms of 100,000 that are fresh: never late, and at most a fifth early', (random, ms) => {
    expect(refreshPauseMs(100_000, random)).toBe(ms)
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
