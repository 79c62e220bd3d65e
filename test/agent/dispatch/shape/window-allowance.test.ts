import { describe, expect, it } from 'vitest'
import { Budget } from '../../../../agent/dispatch/shape/budget.ts'
import { WindowAllowance } from '../../../../agent/dispatch/shape/window-allowance.ts'

const TICK_MS = 500
const MINUTE = 120

interface World {
  /** Actions that each request may cost. */
  readonly budget: number
  /** Requests in each tick. */
  readonly requests: number
  /** Keys that come in each tick. */
  readonly keys: (tick: number) => readonly string[]
  readonly everyMs: number
  readonly maxKeys?: number
  /** Whether the workflow of a key has to be started for each window. */
  readonly started?: boolean
  /** Ticks during which nothing is billed. */
  readonly outage?: readonly [from: number, to: number]
}

interface Tick {
  readonly requests: number
  readonly actions: number
  /** Windows that were opened apart from that of all others. */
  readonly opened: number
  readonly share: number
}

/** A rule that signals each event, and goes over to windows. */
function simulate(
  { budget, requests, keys, everyMs, maxKeys = 1000, started = false, outage = [0, 0] }: World,
  ticks: number,
): Tick[] {
  const events = new Budget(budget, 1, 0, 0, 0)
  const windows = new WindowAllowance(budget, everyMs, maxKeys, 0, 0, 0)
  let [asked, settled, actions, summaryActions, fraction, waiting] = [0, 0, 0, 0, 0, 0]
  let open = new Set<string>()
  let ended = 0
  return Array.from({ length: ticks }, (_, tick) => {
    asked += requests
    fraction += requests * events.share
    const made = Math.floor(fraction)
    fraction -= made
    waiting += made
    let opened = 0
    if (events.share < 1) {
      for (const key of keys(tick)) {
        if (open.has(key)) continue
        if (open.size < maxKeys && windows.take()) {
          open.add(key)
          opened++
        } else open.add('~others')
      }
    }
    if ((tick + 1) % (everyMs / TICK_MS) === 0) {
      ended += open.size
      open = new Set()
    }
    let billed = 0
    if (tick < outage[0] || tick >= outage[1]) {
      const forWindows = ended * (started ? 2 : 1)
      billed = waiting + forWindows
      settled += waiting
      actions += waiting
      summaryActions += forWindows
      waiting = 0
      ended = 0
    }
    const now = (tick + 1) * TICK_MS
    windows.update(asked, summaryActions, now)
    events.update(settled, actions, now, windows.perRequest)
    return { requests, actions: billed, opened, share: events.share }
  })
}

/** Actions for 1,000 requests over some ticks. */
function perThousand(ticks: readonly Tick[]): number {
  const sum = (of: (tick: Tick) => number): number => ticks.reduce((total, tick) => total + of(tick), 0)
  return (1000 * sum(({ actions }) => actions)) / sum(({ requests }) => requests)
}

const few = (): string[] => ['a', 'b', 'c', 'd', 'e']

describe('a budget that goes over to windows', () => {
  it.each([10_000, 60_000, 600_000])('holds with what the windows cost, at intervals of %i ms', (everyMs) => {
    const ticks = simulate({ budget: 0.05, requests: 1000, keys: few, everyMs }, 90 * MINUTE)
    expect(perThousand(ticks.slice(40 * MINUTE, 80 * MINUTE)) / 50).toBeCloseTo(1, 1)
  })

  it('counts each of a few keys apart', () => {
    const ticks = simulate({ budget: 0.05, requests: 1000, keys: few, everyMs: 10_000 }, 10 * MINUTE)
    // Twenty ticks to an interval.
    expect(ticks.reduce((sum, { opened }) => sum + opened, 0)).toBe((10 * MINUTE * 5) / 20)
  })

  it.each([false, true])('holds against callers who make up keys, whose workflows are new: %s', (started) => {
    const keys = (tick: number): string[] => Array.from({ length: 100 }, (_, i) => `k${tick}-${i}`)
    const world = { budget: 0.05, requests: 1000, keys, everyMs: 10_000, maxKeys: 100_000, started }
    const ticks = simulate(world, 15 * MINUTE)
    const late = ticks.slice(5 * MINUTE)
    expect(perThousand(late)).toBeLessThan(50 * 1.05)
    // Events keep half of it, or who attacks would silence them.
    for (const { share } of late) expect(share).toBeGreaterThanOrEqual(0.024)
  })

  it('opens no more windows than an interval has keys, however long nobody came', () => {
    const allowance = new WindowAllowance(1, 10_000, 3, 0, 0, 0)
    allowance.update(1_000_000, 0, 1000)
    expect(Array.from({ length: 5 }, () => allowance.take())).toEqual([true, true, true, false, false])
  })

  it('gives events all of it where windows cost nothing', () => {
    const ticks = simulate({ budget: 0.05, requests: 1000, keys: () => [], everyMs: 10_000 }, 5 * MINUTE)
    expect(ticks.at(-1)?.share).toBeCloseTo(0.05, 3)
  })

  it('is spent by windows to the half at most where there are few requests', () => {
    const ticks = simulate({ budget: 0.05, requests: 1, keys: () => ['a'], everyMs: 10_000 }, 30 * MINUTE)
    expect(ticks.at(-1)?.share).toBeCloseTo(0.025, 3)
  })

  it('holds through an outage, at whose end all windows are billed together', () => {
    const world: World = {
      budget: 0.05,
      requests: 1000,
      keys: few,
      everyMs: 10_000,
      outage: [10 * MINUTE, 20 * MINUTE],
    }
    const ticks = simulate(world, 60 * MINUTE)
    expect(perThousand(ticks) / 50).toBeCloseTo(1, 1)
    for (const { share } of ticks) expect(share).toBeGreaterThanOrEqual(0.024)
  })
})
