import { expect, it } from 'vitest'
import { LANES, numberOf, pathOf } from './lanes.ts'

it('gives each rule paths of its own, which tell the number of their request', () => {
  const paths = LANES.map((lane) => pathOf(lane, 4_711))
  expect(new Set(paths).size).toBe(LANES.length)
  expect(paths.map(numberOf)).toEqual(LANES.map(() => 4_711))
  expect(numberOf('/generation/3')).toBeUndefined()
})
