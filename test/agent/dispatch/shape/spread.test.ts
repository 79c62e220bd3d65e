import { expect, it } from 'vitest'
import { spread } from '../../../../agent/dispatch/shape/spread.ts'

/** Ids as HAProxy makes them: they differ in a few characters. */
const ids = Array.from(
  { length: 64_000 },
  (_, i) => `api/6B0484D8-0001-${i.toString(16).padStart(8, '0').toUpperCase()}-55ec`,
)

it('is the same number for the same id, in every process', () => {
  expect(spread('api/6B0484D8')).toBe(546_747_777)
})

it('is a whole number below 2^32', () => {
  for (const id of ids) {
    const value = spread(id)
    expect(Number.isInteger(value) && value >= 0 && value < 2 ** 32).toBe(true)
  }
})

it.each([2, 3, 4, 7, 64])('spreads ids that resemble each other evenly over %i', (shards) => {
  const counts = new Float64Array(shards)
  for (const id of ids) counts[spread(id) % shards]! += 1
  const fair = ids.length / shards
  // Six standard deviations of a fair draw.
  for (const count of counts) expect(Math.abs(count - fair)).toBeLessThan(6 * Math.sqrt(fair))
})

it('gives two ids of 64,000 the same number about as rarely as chance does', () => {
  expect(ids.length - new Set(ids.map(spread)).size).toBeLessThan(5)
})
