import { describe, expect, it } from 'vitest'
import { SteadyClock } from '../../../agent/identity/steady-clock.ts'

const HOUR = 3_600_000
const START = 1_800_000_000_000

function start() {
  let [wall, monotonic] = [START, 5000]
  const clock = new SteadyClock({ now: () => wall, monotonicMs: () => monotonic })
  return {
    /** What it says, counted from the start. */
    read: () => clock.now() - START,
    pass: (ms: number): void => {
      wall += ms
      monotonic += ms
    },
    jump: (ms: number): void => {
      wall += ms
    },
  }
}

describe('a steady clock', () => {
  it('goes as the clock does, small corrections included', () => {
    const { read, pass, jump } = start()
    pass(1000)
    expect(read()).toBe(1000)
    jump(60_000)
    expect(read()).toBe(61_000)
    jump(-30_000)
    expect(read()).toBe(31_000)
  })

  it('does not believe a jump ahead that is taken back', () => {
    const { read, pass, jump } = start()
    jump(24 * HOUR)
    expect(read()).toBe(0)
    pass(HOUR - 1)
    expect(read()).toBe(HOUR - 1)
    jump(-24 * HOUR)
    expect(read()).toBe(HOUR - 1)
    jump(24 * HOUR)
    expect(read()).toBe(HOUR - 1)
    pass(HOUR - 1)
    expect(read()).toBe(2 * HOUR - 2)
  })

  it('believes one that lasts for an hour: a clock that was set late is right from then on', () => {
    const { read, pass, jump } = start()
    jump(24 * HOUR)
    expect(read()).toBe(0)
    pass(HOUR)
    expect(read()).toBe(25 * HOUR)
  })

  it('believes one back at once', () => {
    const { read, jump } = start()
    jump(-24 * HOUR)
    expect(read()).toBe(-24 * HOUR)
    jump(HOUR)
    expect(read()).toBe(-24 * HOUR)
  })
})
