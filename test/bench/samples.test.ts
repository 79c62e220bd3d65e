import { describe, expect, it } from 'vitest'
import { median, Samples } from '../../bench/samples.ts'

describe('Samples', () => {
  it('takes the middle of an odd count and the mean of the middle two of an even one', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([])).toBeNaN()
  })

  it('compares round by round: a slow moment of the machine counts on both sides', () => {
    const samples = new Samples()
    for (const [ours, theirs] of [
      [1, 10],
      [5, 50],
      [1, 10],
    ] as const) {
      samples.add('ours', ours)
      samples.add('theirs', theirs)
    }
    expect(samples.ratio('ours', 'theirs')).toBeCloseTo(0.1)
    expect(samples.spread('ours')).toEqual({ median: 1, min: 1, max: 5 })
  })

  it('says NaN about what was not measured', () => {
    const samples = new Samples()
    samples.add('ours', 1)
    expect(samples.ratio('ours', 'theirs')).toBeNaN()
    expect(samples.median('theirs')).toBeNaN()
  })
})
