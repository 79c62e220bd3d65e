import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Parcel } from '../../../../agent/dispatch/parcel.ts'
import { Job } from '../../../../agent/dispatch/ship/job.ts'
import { ShipQueue } from '../../../../agent/dispatch/ship/queue.ts'
import { chunk, parcel, shipAction } from './support/parcels.ts'

const START = shipAction()
const SIGNAL = shipAction({ kind: 'signal' })
const METER = shipAction({ kind: 'meter', batch: { maxRecords: 10, maxDelayMs: 1_000, maxBytes: 10_000 } })

const signal = (n: number, key: string, over: Partial<Parcel> = {}): Parcel =>
  parcel(n, { workflowId: `audit/${key}`, key, ...over })
const handles = (job: Job | undefined): number[] | undefined => job?.parcels.map(({ handle }) => handle)
const all = (queue: ShipQueue, now = 0): (number[] | undefined)[] => {
  const order: (number[] | undefined)[] = []
  for (let job = queue.next(now); job !== undefined; job = queue.next(now)) {
    order.push(handles(job))
    queue.done(job, now)
  }
  return order
}

describe('lanes', () => {
  test('jobs of one workflow run one at a time and in order, whatever they ask of it', () => {
    const queue = new ShipQueue()
    queue.push(signal(1, 'k'), SIGNAL, 0)
    queue.push(signal(2, 'k'), shipAction({ kind: 'cancel' }), 0)
    const first = queue.next(0)!
    expect(handles(first)).toEqual([1])
    expect(queue.next(0)).toBeUndefined()
    queue.done(first, 0)
    expect(all(queue)).toEqual([[2]])
    expect(queue.nextWake()).toBeUndefined()
  })

  test('what is asked of a workflow waits for its start, and starts of other workflows do not', () => {
    const queue = new ShipQueue()
    queue.push(parcel(1, { workflowId: 'order/1' }), START, 0)
    queue.push(parcel(2, { workflowId: 'order/1' }), shipAction({ kind: 'cancel' }), 0)
    queue.push(parcel(3, { workflowId: 'order/2' }), START, 0)
    queue.push(parcel(4), START, 0)
    const start = queue.next(0)!
    expect([handles(start), handles(queue.next(0)), handles(queue.next(0)), queue.next(0)]).toEqual([
      [1],
      [3],
      [4],
      undefined,
    ])
    queue.delay(start, 100)
    expect(queue.next(99)).toBeUndefined()
    expect(queue.next(100)).toBe(start)
    queue.done(start, 100)
    expect(all(queue, 100)).toEqual([[2]])
  })

  test('a lane that was empty takes jobs again, behind those that were put back', () => {
    const queue = new ShipQueue()
    for (let i = 0; i < 20; i++) queue.push(signal(i, 'k'), SIGNAL, 0)
    const job = queue.next(0)!
    queue.replace(
      job,
      [100, 101, 102].map((n) => new Job(SIGNAL, [signal(n, 'k')], job.lane)),
    )
    for (let i = 20; i < 30; i++) queue.push(signal(i, 'k'), SIGNAL, 0)
    const rest = Array.from({ length: 29 }, (_, i) => [i + 1])
    expect(all(queue)).toEqual([[100], [101], [102], ...rest])
  })

  test('a hot or delayed key does not hold up the others', () => {
    const queue = new ShipQueue()
    for (let i = 0; i < 5; i++) queue.push(signal(i, 'hot'), SIGNAL, 0)
    queue.push(signal(10, 'calm'), SIGNAL, 0)
    queue.push(parcel(11), START, 0)
    const hot = queue.next(0)!
    queue.delay(hot, 100)
    expect(all(queue)).toEqual([[10], [11]])
    expect(queue.nextWake()).toBe(100)
    expect(queue.next(100)).toBe(hot)
  })

  test('a job that was put back is the next one', () => {
    const queue = new ShipQueue()
    for (let i = 0; i < 3; i++) queue.push(parcel(i), START, 0)
    queue.putBack(queue.next(0)!)
    expect(all(queue)).toEqual([[0], [1], [2]])
  })

  test('a parked job waits with its lane until it runs or is let go, before what came after it', () => {
    const queue = new ShipQueue()
    for (let i = 0; i < 3; i++) queue.push(signal(i, 'k'), SIGNAL, 0)
    queue.push(signal(10, 'other'), SIGNAL, 0)
    const [first, other] = [queue.next(0)!, queue.next(0)!]
    queue.park(first)
    queue.park(other)
    expect([queue.next(1_000), queue.nextWake()]).toEqual([undefined, undefined])
    queue.push(parcel(20), START, 0)
    queue.unparkRunning(first)
    queue.done(first, 0)
    const second = queue.next(0)!
    expect(handles(second)).toEqual([20])
    queue.unpark([other])
    expect(all(queue)).toEqual([[10], [1], [2]])
  })

  test('the parts of a job run in its place', () => {
    const queue = new ShipQueue()
    queue.push(signal(1, 'k'), SIGNAL, 0)
    queue.push(signal(4, 'k'), SIGNAL, 0)
    const job = queue.next(0)!
    const part = (n: number): Job => new Job(SIGNAL, [signal(n, 'k')], job.lane)
    queue.replace(job, [part(2), part(3)])
    expect(all(queue)).toEqual([[2], [3], [4]])
  })

  test('a job that does not run cannot be ended', () => {
    const queue = new ShipQueue()
    queue.push(signal(1, 'k'), SIGNAL, 0)
    const job = queue.next(0)!
    queue.done(job, 0)
    expect(() => queue.done(job, 0)).toThrow(TypeError)
  })
})

describe('tenants', () => {
  test('take turns, however much of one waits and however many keys it has', () => {
    const queue = new ShipQueue()
    for (let i = 0; i < 100; i++) queue.push(parcel(i, { tenant: 'loud' }), START, 0)
    for (let i = 100; i < 200; i++) queue.push(signal(i, `key-${i}`, { tenant: 'loud' }), SIGNAL, 0)
    queue.push(parcel(500, { tenant: 'calm' }), START, 0)
    queue.push(signal(501, 'k', { tenant: 'quiet' }), SIGNAL, 0)
    queue.push(parcel(502, { tenant: 'calm' }), START, 0)
    expect(all(queue).slice(0, 5)).toEqual([[0], [500], [501], [1], [502]])
  })

  test('the keys of a tenant take turns as well', () => {
    const queue = new ShipQueue()
    for (let i = 0; i < 50; i++) queue.push(signal(i, 'hot'), SIGNAL, 0)
    queue.push(signal(100, 'calm'), SIGNAL, 0)
    queue.push(parcel(101), START, 0)
    expect(all(queue).slice(0, 4)).toEqual([[0], [100], [101], [1]])
  })
})

describe('batches', () => {
  test('a lane is ready when its oldest record is old enough, and takes all along that came meanwhile', () => {
    const queue = new ShipQueue()
    queue.push(chunk(1, 2), METER, 0)
    queue.push(chunk(3, 2), METER, 0)
    expect(queue.next(0)).toBeUndefined()
    const due = queue.nextWake() ?? 0
    expect(due).toBeGreaterThan(900)
    expect(due).toBeLessThanOrEqual(1_000)
    expect(handles(queue.next(due))).toEqual([1, 3])
  })

  test('what is old already goes at once, and no clock makes it wait longer than its delay', () => {
    const queue = new ShipQueue()
    queue.push(chunk(1, 2, { at: 0 }), METER, 0)
    expect(handles(queue.next(0))).toEqual([1])
    queue.push(chunk(3, 2, { key: 'other', at: Date.now() + 3_600_000 }), METER, 0)
    expect(queue.nextWake()).toBe(1_000)
  })

  test('a full lane is ready before its time, and a batch never exceeds its bounds', () => {
    const queue = new ShipQueue()
    for (let i = 0; i < 5; i++) queue.push(chunk(i * 4, 4), METER, 0)
    const first = queue.next(0)!
    expect(handles(first)).toEqual([0, 4])
    queue.done(first, 0)
    const second = queue.next(0)!
    expect(handles(second)).toEqual([8, 12])
    queue.done(second, 0)
    // What is left is no full batch and waits for its time.
    expect(queue.next(0)).toBeUndefined()
    expect(handles(queue.next(1_000))).toEqual([16])
  })

  test('a chunk beyond the bounds goes alone', () => {
    const queue = new ShipQueue()
    queue.push(chunk(0, 3), METER, 0)
    queue.push(chunk(10, 25), METER, 0)
    queue.push(chunk(40, 3, { at: 0 }), METER, 0)
    expect(all(queue, 2_000)).toEqual([[0], [10], [40]])
  })

  test('while one batch is in flight the next one grows', () => {
    const queue = new ShipQueue()
    queue.push(chunk(0, 10), METER, 0)
    const running = queue.next(0)!
    for (let i = 1; i <= 3; i++) queue.push(chunk(i * 10, 3), METER, 0)
    expect(queue.next(5_000)).toBeUndefined()
    queue.done(running, 5_000)
    expect(handles(queue.next(10_000))).toEqual([10, 20, 30])
  })

  test('a batch that failed stays what it was, and the next one grows behind it', () => {
    const queue = new ShipQueue()
    queue.push(chunk(0, 10), METER, 0)
    const failed = queue.next(0)!
    queue.delay(failed, 100)
    queue.push(chunk(10, 10), METER, 0)
    expect(queue.next(50)).toBeUndefined()
    expect(queue.next(100)).toBe(failed)
    queue.done(failed, 100)
    expect(handles(queue.next(100))).toEqual([10])
  })

  test('in a hurry nothing is gathered', () => {
    const queue = new ShipQueue()
    queue.push(chunk(0, 1), METER, 0)
    queue.hurry(0)
    expect(all(queue)).toEqual([[0]])
    queue.push(chunk(1, 1), METER, 0)
    expect(all(queue)).toEqual([[1]])
  })

  test('actions that make up different calls are not merged', () => {
    const queue = new ShipQueue()
    const moved = shipAction({ kind: 'meter', taskQueue: 'other' })
    queue.push(chunk(0, 1, { at: 0 }), METER, 0)
    queue.push(chunk(1, 1, { at: 0 }), moved, 0)
    queue.push(chunk(2, 1, { at: 0 }), METER, 0)
    expect(all(queue)).toEqual([[0, 2], [1]])
  })
})

describe('recall', () => {
  const paused = (rule: string) => (one: string) => one === rule

  test('gives back what waits of a rule, ready or delayed or gathering, and nothing that runs', () => {
    const queue = new ShipQueue()
    const delayed = parcel(1)
    queue.push(delayed, START, 0)
    queue.delay(queue.next(0)!, 100)
    queue.push(parcel(2), START, 0)
    const running = queue.next(0)!
    queue.push(parcel(3), START, 0)
    queue.push(signal(4, 'k'), SIGNAL, 0)
    const back = queue.recall(paused('orders'), 0)
    expect(back.map(({ handle }) => handle).toSorted((a, b) => a - b)).toEqual([1, 3])
    queue.done(running, 0)
    expect(all(queue, 1_000)).toEqual([[4]])
    queue.push(chunk(5, 2), METER, 0)
    expect(queue.recall(paused('usage'), 0).map(({ handle }) => handle)).toEqual([5])
    expect(all(queue, 5_000)).toEqual([])
  })

  test('a lane goes on without the delayed job of a paused rule', () => {
    const queue = new ShipQueue()
    queue.push(signal(1, 'k'), SIGNAL, 0)
    queue.delay(queue.next(0)!, 100)
    queue.push(signal(2, 'k'), shipAction({ kind: 'cancel' }), 0)
    expect(queue.recall(paused('audit'), 0).map(({ handle }) => handle)).toEqual([1])
    expect(all(queue)).toEqual([[2]])
  })

  test('of a lane only the jobs of the paused rule leave, wherever they stand', () => {
    const queue = new ShipQueue()
    const cancel = shipAction({ kind: 'cancel' })
    queue.push(signal(1, 'k'), SIGNAL, 0)
    queue.push(signal(2, 'k'), cancel, 0)
    queue.push(signal(3, 'k'), SIGNAL, 0)
    queue.push(signal(4, 'k'), cancel, 0)
    expect(queue.recall(paused('audit'), 0).map(({ handle }) => handle)).toEqual([1, 3])
    expect(all(queue)).toEqual([[2], [4]])
  })
})

test('whatever happens to jobs, each ends once and each key keeps its order', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ push: fc.constantFrom('start', 'signal', 'meter'), key: fc.nat(2) }) },
    {
      weight: 6,
      arbitrary: fc.constantFrom('next', 'done', 'delay', 'putBack', 'park', 'unpark', 'split', 'recall', 'later'),
    },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new ShipQueue()
      const running: Job[] = []
      let parked: Job[] = []
      const ended: Parcel[] = []
      const pushed: Parcel[] = []
      let now = 0
      const finish = (job: Job): void => {
        queue.done(job, now)
        ended.push(...job.parcels)
      }
      for (const one of steps) {
        if (typeof one === 'object') {
          const n = pushed.length
          const key = `${one.key}`
          const made =
            one.push === 'meter'
              ? chunk(n, 3, { key, at: Date.now() })
              : one.push === 'signal'
                ? signal(n, key, { tenant: `t${n % 3}` })
                : parcel(n, { tenant: `t${n % 3}` })
          pushed.push(made)
          queue.push(made, { start: START, signal: SIGNAL, meter: METER }[one.push], now)
          continue
        }
        if (one === 'later') now += 700
        if (one === 'unpark' || one === 'recall') {
          queue.unpark(parked)
          parked = []
        }
        if (one === 'recall') ended.push(...queue.recall((rule) => rule === 'usage', now))
        if (one === 'next') {
          const job = queue.next(now++)
          if (job !== undefined) running.push(job)
        }
        const job = ['done', 'delay', 'putBack', 'park', 'split'].includes(one) ? running.shift() : undefined
        if (job === undefined) continue
        if (one === 'delay') queue.delay(job, now + 5)
        else if (one === 'putBack') queue.putBack(job)
        else if (one === 'park') {
          queue.park(job)
          parked.push(job)
        } else if (one === 'split' && job.parcels.length > 1) {
          queue.replace(
            job,
            job.parcels.map((each) => new Job(job.action, [each], job.lane)),
          )
        } else finish(job)
        const lanes = running.map(({ lane }) => lane)
        expect(new Set(lanes).size).toBe(lanes.length)
      }
      for (const job of running) finish(job)
      queue.unpark(parked)
      now += 10_000
      for (let job = queue.next(now); job !== undefined; job = queue.next(now)) finish(job)
      expect(queue.nextWake()).toBeUndefined()
      expect(ended.map(({ handle }) => handle).toSorted((a, b) => a - b)).toEqual(pushed.map(({ handle }) => handle))
      for (const workflowId of ['audit/0', 'audit/1', 'audit/2']) {
        const inLane = (one: Parcel): boolean => one.workflowId === workflowId
        expect(ended.filter(inLane)).toEqual(pushed.filter(inLane))
      }
    }),
  )
})
