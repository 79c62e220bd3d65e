import { describe, expect, it } from 'vitest'
import { Budget } from '../../../../agent/dispatch/shape/budget.ts'

interface World {
  /** Actions that each request may cost. */
  readonly budget: number
  /** Requests in each tick of 250 ms. */
  readonly requests: (tick: number) => number
  /** Actions that the events which settle in a tick cost together. */
  readonly cost: (events: number, tick: number) => number
  /** Ticks from an event to its settlement. */
  readonly lag?: number
  /** Ticks during which nothing settles. */
  readonly outage?: readonly [from: number, to: number]
  readonly guess?: number
}

interface Tick {
  readonly requests: number
  readonly actions: number
  readonly share: number
}

/** What a rule costs while its budget decides, tick by tick. */
function simulate({ budget, requests, cost, lag = 2, outage = [0, 0], guess = 1 }: World, ticks: number): Tick[] {
  const governor = new Budget(budget, guess, 0, 0, 0)
  const waiting: number[] = []
  const told: Tick[] = []
  let settled = 0
  let actions = 0
  let fraction = 0
  for (let tick = 0; tick < ticks; tick++) {
    const came = requests(tick)
    fraction += came * governor.share
    const events = Math.floor(fraction)
    fraction -= events
    waiting.push(events)
    let done = 0
    if (tick < outage[0] || tick >= outage[1]) while (waiting.length > lag) done += waiting.shift() ?? 0
    const billed = cost(done, tick)
    settled += done
    actions += billed
    governor.update(settled, actions, (tick + 1) * 250)
    told.push({ requests: came, actions: billed, share: governor.share })
  }
  return told
}

/** Actions for 1,000 requests over some ticks. */
function perThousand(ticks: readonly Tick[]): number {
  const sum = (of: (tick: Tick) => number): number => ticks.reduce((total, tick) => total + of(tick), 0)
  return (1000 * sum(({ actions }) => actions)) / sum(({ requests }) => requests)
}

const MINUTE = 240

describe('a budget', () => {
  it('of more than the rule costs changes nothing', () => {
    const ticks = simulate({ budget: 2, requests: () => 100, cost: (events) => events }, 5 * MINUTE)
    expect(ticks.every(({ share }) => share === 1)).toBe(true)
  })

  it.each([5, 50, 500])('of %i actions for 1,000 requests holds for starts', (budget) => {
    const ticks = simulate({ budget: budget / 1000, requests: () => 1000, cost: (events) => events }, 5 * MINUTE)
    expect(perThousand(ticks) / budget).toBeCloseTo(1, 1)
  })

  it('learns that an event costs more than was thought', () => {
    const ticks = simulate({ budget: 0.1, requests: () => 1000, cost: (events) => 4 * events }, 10 * MINUTE)
    expect(perThousand(ticks.slice(5 * MINUTE)) / 100).toBeCloseTo(1, 1)
    expect(ticks.at(-1)?.share).toBeCloseTo(0.025, 3)
  })

  it('learns that batches make events cheap, and samples less', () => {
    const cost = (events: number): number => Math.ceil(events / 100)
    const ticks = simulate({ budget: 0.02, requests: () => 5000, cost, guess: 0.01 }, 5 * MINUTE)
    expect(ticks.at(-1)?.share).toBe(1)
  })

  it('holds on average where the traffic comes in waves', () => {
    const requests = (tick: number): number => Math.round(500 + 450 * Math.sin(tick / 20))
    const ticks = simulate({ budget: 0.05, requests, cost: (events) => events }, 10 * MINUTE)
    expect(perThousand(ticks.slice(MINUTE)) / 50).toBeCloseTo(1, 1)
  })

  it('follows when what an event costs changes', () => {
    const cost = (events: number, tick: number): number => (tick < 10 * MINUTE ? 1 : 3) * events
    const ticks = simulate({ budget: 0.1, requests: () => 1000, cost }, 20 * MINUTE)
    expect(perThousand(ticks.slice(5 * MINUTE, 10 * MINUTE)) / 100).toBeCloseTo(1, 1)
    expect(perThousand(ticks.slice(15 * MINUTE)) / 100).toBeCloseTo(1, 1)
  })

  it('stands through an outage, during which nothing settles', () => {
    const world: World = {
      budget: 0.1,
      requests: () => 1000,
      cost: (events) => events,
      outage: [2 * MINUTE, 6 * MINUTE],
    }
    const ticks = simulate(world, 10 * MINUTE)
    for (const { share } of ticks.slice(MINUTE)) expect(share).toBeCloseTo(0.1, 2)
    expect(perThousand(ticks) / 100).toBeCloseTo(1, 1)
  })

  it('is not upset by events that end without a call, which make the others affordable', () => {
    // Nine of ten coalesce.
    const ticks = simulate({ budget: 0.05, requests: () => 1000, cost: (events) => events / 10 }, 10 * MINUTE)
    expect(ticks.at(-1)?.share).toBeCloseTo(0.5, 1)
  })

  it('goes on from what was counted before it', () => {
    const budget = new Budget(0.5, 1, 1_000_000, 3_000_000, 1000)
    expect(budget.share).toBe(0.5)
    budget.update(1_000_000, 3_000_000, 2000)
    expect(budget.share).toBe(0.5)
  })

  it('always leaves a share, and never more than all', () => {
    const budget = new Budget(0.000001, 1, 0, 0, 0)
    budget.update(1, 1_000_000, 250)
    expect(budget.share).toBeGreaterThan(0)
    budget.update(1e12, 1_000_000, 1e9)
    expect(budget.share).toBe(1)
  })
})
