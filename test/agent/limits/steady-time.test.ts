import { expect, it } from 'vitest'
import { SteadyTime } from '../../../agent/limits/steady-time.ts'

it('begins at 0 and counts whole milliseconds, without losing fractions', () => {
  const time = new SteadyTime()
  expect([5000.9, 5001, 5001.9, 5002.1, 6000].map((now) => time.at(now))).toEqual([0, 1, 1, 2, 1000])
})

it('stands still when the clock goes back, and goes on from there', () => {
  const time = new SteadyTime()
  expect([100, 200, 50, 60, 250].map((now) => time.at(now))).toEqual([0, 100, 100, 110, 300])
})

it('stands still for what is no time', () => {
  const time = new SteadyTime()
  expect([Number.NaN, 100, Number.NaN, Infinity, -Infinity, 150].map((now) => time.at(now))).toEqual([
    0, 0, 0, 0, 0, 50,
  ])
})
