import { expect, it } from 'vitest'
import { tooSlow } from './slower.ts'

const UNDISTURBED = { p50: 4, p99: 50, stallMs: 0 }
const SLOWER = { p50: { times: 3, ms: 20 }, p99: { times: 5, ms: 1_000 } }

it('takes a median and a p99 within their bounds, and neither beyond', () => {
  expect(tooSlow({ p50: 32, p99: 1_250, stallMs: 0 }, UNDISTURBED, SLOWER)).toEqual([])
  expect(tooSlow({ p50: 33, p99: 1_250, stallMs: 0 }, UNDISTURBED, SLOWER)).toEqual([
    'slower: the median is 33 ms, undisturbed 4 ms',
  ])
  expect(tooSlow({ p50: 32, p99: 1_251, stallMs: 0 }, UNDISTURBED, SLOWER)).toHaveLength(1)
})

it('grants the p99 for how long the client itself stood still, and the median nothing', () => {
  expect(tooSlow({ p50: 4, p99: 1_600, stallMs: 350 }, UNDISTURBED, SLOWER)).toEqual([])
  expect(tooSlow({ p50: 33, p99: 1_601, stallMs: 350 }, UNDISTURBED, SLOWER)).toHaveLength(2)
})

it('says nothing of a p99 that is not judged', () => {
  expect(tooSlow({ p50: 4, p99: 9_000, stallMs: 0 }, UNDISTURBED, { p50: SLOWER.p50 })).toEqual([])
})
