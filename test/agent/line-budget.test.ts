import { expect, test } from 'vitest'
import { LineBudget } from '../../agent/line-budget.ts'

test('a burst writes ten lines a second, and the next line says how many were left out', () => {
  const budget = new LineBudget()
  const burst = Array.from({ length: 25 }, () => budget.take(0))
  expect(burst.filter((taken) => taken === 0)).toHaveLength(10)
  expect(burst.filter((taken) => taken === undefined)).toHaveLength(15)
  expect([budget.take(999), budget.take(1_000), budget.take(1_001)]).toEqual([undefined, 16, 0])
})
