import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DelayHeap } from '../../../../agent/dispatch/delay-heap.ts'
import { CONCURRENCY, ConcurrencyLimit } from '../../../../agent/dispatch/ship/concurrency.ts'

/** A server that works on `knee` calls at once, `serviceMs` each; what is more waits. */
interface Server {
  readonly knee: number
  readonly serviceMs: number
  /** Calls at once beyond which one is refused. */
  readonly most?: number
}

const DEADLINE_MS = 5_000

/** A client that always has as many calls in flight as the limit allows, on a clock of its own. */
class Simulation {
  readonly limit = new ConcurrencyLimit()
  #server: Server
  now = 0
  answered = 0
  refused = 0
  #random = 1
  #inFlight = 0
  /** When each place of the server is free again. */
  #places: number[] = []
  readonly #ends = new DelayHeap<{ readonly startedAt: number; readonly how: 'answered' | 'lost' | 'refused' }>()

  constructor(server: Server) {
    this.#server = server
  }

  /** Another server takes the place of the first; what was in its queue is gone, and times out. */
  replace(server: Server): void {
    this.#server = server
    this.#places = []
  }

  run(ms: number): void {
    const end = this.now + ms
    for (;;) {
      while (this.#inFlight < this.limit.current) this.#start()
      const next = this.#ends.firstDue() ?? end
      if (next >= end) break
      this.now = next
      const call = this.#ends.popDue(next)
      if (call !== undefined) this.#end(call.how, call.startedAt)
    }
    this.now = end
  }

  #start(): void {
    const { knee, serviceMs, most = Infinity } = this.#server
    const startedAt = this.now
    const refused = this.#inFlight >= most
    this.#inFlight++
    if (refused) {
      this.#ends.push({ startedAt, how: 'refused' }, startedAt + 1)
      return
    }
    const place = this.#place(knee)
    const done = Math.max(startedAt, this.#places[place] ?? 0) + serviceMs * (0.75 + this.#next() / 2)
    this.#places[place] = done
    const isLate = done - startedAt > DEADLINE_MS
    this.#ends.push({ startedAt, how: isLate ? 'lost' : 'answered' }, isLate ? startedAt + DEADLINE_MS : done)
  }

  /** The place that is free first. */
  #place(knee: number): number {
    const places = this.#places
    if (places.length < knee) return places.length
    let first = 0
    for (let i = 1; i < places.length; i++) if ((places[i] ?? 0) < (places[first] ?? 0)) first = i
    return first
  }

  #end(how: 'answered' | 'lost' | 'refused', startedAt: number): void {
    if (how === 'answered') this.limit.answered('start', startedAt, this.now, this.#inFlight)
    else if (how === 'lost') this.limit.lost(this.now)
    else this.limit.refused(startedAt, this.now)
    if (how === 'answered') this.answered++
    if (how === 'refused') this.refused++
    this.#inFlight--
  }

  /** Uniform, the same in every run. */
  #next(): number {
    this.#random = (this.#random * 48_271) % 2_147_483_647
    return this.#random / 2_147_483_647
  }
}

/** The limit every 100 ms of so long a time. */
function levels(simulation: Simulation, ms: number): number[] {
  return Array.from({ length: ms / 100 }, () => {
    simulation.run(100)
    return simulation.limit.current
  }).toSorted((a, b) => a - b)
}

const median = (sorted: readonly number[]): number => sorted[sorted.length >> 1] ?? 0

test.each([
  [10, 20],
  [32, 30],
  [60, 40],
  [120, 80],
])('it settles near the knee: %i calls at once, %i ms each', (knee, serviceMs) => {
  const simulation = new Simulation({ knee, serviceMs })
  simulation.run(30_000)
  const before = simulation.answered
  const seen = levels(simulation, 60_000)
  expect(median(seen)).toBeGreaterThanOrEqual(knee)
  expect(median(seen)).toBeLessThan(2 * knee + 4)
  // And the server is kept busy.
  const possible = (knee / serviceMs) * 60_000
  expect(simulation.answered - before).toBeGreaterThan(0.95 * possible)
})

test('a server far away is given as many as it takes', () => {
  const simulation = new Simulation({ knee: 1_000, serviceMs: 90 })
  simulation.run(20_000)
  expect(median(levels(simulation, 10_000))).toBeGreaterThan(200)
})

test('a server that answers at once is not held back, whatever its latency is made of', () => {
  const simulation = new Simulation({ knee: 2, serviceMs: 0.2 })
  simulation.run(20_000)
  expect(median(levels(simulation, 10_000))).toBeGreaterThanOrEqual(32)
})

test('it does not creep up over time, as a crowd becomes what is usual', () => {
  const simulation = new Simulation({ knee: 20, serviceMs: 20 })
  simulation.run(900_000)
  expect(median(levels(simulation, 60_000))).toBeLessThan(44)
})

test('it gives way when the server breaks down, and comes back with it', () => {
  const simulation = new Simulation({ knee: 40, serviceMs: 20 })
  simulation.run(30_000)
  const before = median(levels(simulation, 10_000))
  simulation.replace({ knee: 4, serviceMs: 6_000 })
  simulation.run(60_000)
  expect(simulation.limit.current).toBeLessThan(before / 4)
  simulation.replace({ knee: 40, serviceMs: 20 })
  simulation.run(20_000)
  expect(median(levels(simulation, 20_000))).toBeGreaterThanOrEqual(40)
})

test('a server that has become slower for good is used to its new knee', () => {
  const simulation = new Simulation({ knee: 40, serviceMs: 10 })
  simulation.run(30_000)
  simulation.replace({ knee: 40, serviceMs: 100 })
  simulation.run(120_000)
  const seen = median(levels(simulation, 60_000))
  expect(seen).toBeGreaterThanOrEqual(36)
  expect(seen).toBeLessThan(90)
})

test('refusals of calls at once keep it below their limit most of the time', () => {
  const simulation = new Simulation({ knee: 1_000, serviceMs: 20, most: 50 })
  simulation.run(10_000)
  const { answered, refused } = simulation
  const seen = levels(simulation, 60_000)
  expect(median(seen)).toBeGreaterThan(25)
  expect(median(seen)).toBeLessThanOrEqual(50)
  expect(simulation.refused - refused).toBeLessThan(0.02 * (simulation.answered - answered))
})

test('few calls tell nothing about many: without load the limit stays', () => {
  const limit = new ConcurrencyLimit()
  for (let now = 0; now < 60_000; now += 50) limit.answered('start', now - (now % 7), now, 2)
  expect(limit.current).toBe(CONCURRENCY.start)
})

test('one workflow that never answers does not slow down the others', () => {
  const limit = new ConcurrencyLimit()
  for (let now = 0; now < 20_000; now++) {
    limit.answered('signal', now - 4, now, limit.current)
    if (now % 500 === 0) limit.lost(now)
  }
  expect(limit.current).toBeGreaterThan(100)
})

test('kinds of calls are held against themselves: more batches among starts are no slowdown', () => {
  const limit = new ConcurrencyLimit()
  const feed = (from: number, to: number, batches: number): void => {
    for (let now = from; now < to; now++) {
      const isBatch = now % 10 < batches
      limit.answered(isBatch ? 'meter' : 'start', now - (isBatch ? 60 : 10), now, limit.current)
    }
  }
  feed(0, 30_000, 1)
  const before = limit.current
  feed(30_000, 60_000, 9)
  expect(limit.current).toBeGreaterThanOrEqual(before)
})

test('whatever happens, it never starves and never floods', () => {
  const event = fc.record({
    what: fc.constantFrom('answered', 'lost', 'refused'),
    after: fc.nat(2_000),
    took: fc.nat(6_000),
    inFlight: fc.nat(300),
  })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 500 }), (events) => {
      const limit = new ConcurrencyLimit()
      let now = 0
      for (const { what, after, took, inFlight } of events) {
        now += after
        if (what === 'answered') limit.answered('start', now - took, now, inFlight)
        else if (what === 'lost') limit.lost(now)
        else limit.refused(now - took, now)
        expect(limit.current).toBeGreaterThanOrEqual(CONCURRENCY.min)
        expect(limit.current).toBeLessThanOrEqual(CONCURRENCY.max)
      }
    }),
  )
})
