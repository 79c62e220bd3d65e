import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jobOf, type Job } from '../../../agent/dispatch/job.ts'
import { JobQueue } from '../../../agent/dispatch/queue.ts'
import { entry } from './support/commands.ts'

const job = (n: number, key?: string): Job => jobOf(entry(n, key === undefined ? {} : { kind: 'signal', key }))
const id = (j: Job | undefined): string | undefined => j?.entries[0]?.command.event.id.slice(-2)

test('jobs of one key run one at a time and in order', () => {
  const queue = new JobQueue()
  const [a, b] = [job(1, 'k'), job(2, 'k')]
  queue.push(a)
  queue.push(b)
  expect(queue.next(0)).toBe(a)
  expect(queue.next(0)).toBeUndefined()
  queue.done(a)
  expect(queue.next(0)).toBe(b)
  queue.done(b)
  expect(queue.size).toBe(0)
})

test('a hot or delayed key does not hold up the others', () => {
  const queue = new JobQueue()
  for (let i = 0; i < 5; i++) queue.push(job(i, 'hot'))
  queue.push(job(10, 'calm'))
  queue.push(job(11))
  const hot = queue.next(0)!
  queue.delay(hot, 100)
  expect([id(queue.next(0)), id(queue.next(0)), queue.next(0)]).toEqual(['0a', '0b', undefined])
  expect(queue.nextWake()).toBe(100)
  expect(queue.next(100)).toBe(hot)
})

test('a job that was put back is the next one', () => {
  const queue = new JobQueue()
  for (let i = 0; i < 3; i++) queue.push(job(i))
  const first = queue.next(0)!
  queue.putBack(first)
  expect([queue.next(0), id(queue.next(0))]).toEqual([first, '01'])
})

test('the parts of a job run in its place', () => {
  const queue = new JobQueue()
  queue.push(job(1, 'k'))
  queue.push(job(4, 'k'))
  queue.replace(queue.next(0)!, [job(2, 'k'), job(3, 'k')])
  const order: (string | undefined)[] = []
  for (let next = queue.next(0); next !== undefined; next = queue.next(0)) {
    order.push(id(next))
    queue.done(next)
  }
  expect(order).toEqual(['02', '03', '04'])
})

test('a job that does not run cannot be ended', () => {
  const queue = new JobQueue()
  const waiting = job(1)
  queue.push(waiting)
  expect(() => queue.done(waiting)).toThrow(TypeError)
})

test('whatever happens to jobs, each ends once and each key keeps its order', () => {
  const keys = fc.constantFrom('a', 'b', undefined)
  const steps = fc.array(
    fc.oneof(
      keys.map((key) => ({ push: true, key })),
      fc.constantFrom('next', 'done', 'delay', 'putBack'),
    ),
    { maxLength: 300 },
  )
  fc.assert(
    fc.property(steps, (all) => {
      const queue = new JobQueue()
      const running: Job[] = []
      const ended: Job[] = []
      const pushed: Job[] = []
      let now = 0
      const end = (how: (job: Job) => void): void => {
        const one = running.shift()
        if (one !== undefined) how(one)
      }
      const finish = (one: Job): void => (queue.done(one), void ended.push(one))
      for (const step of all) {
        if (typeof step === 'object') {
          pushed.push(job(pushed.length, step.key))
          queue.push(pushed.at(-1)!)
        } else if (step === 'next') {
          const one = queue.next(now++)
          if (one !== undefined) running.push(one)
        } else if (step === 'done') end(finish)
        else if (step === 'delay') end((one) => queue.delay(one, now + 5))
        else end((one) => queue.putBack(one))
        const lanes = running.flatMap((one) => one.lane ?? [])
        expect(new Set(lanes).size).toBe(lanes.length)
      }
      for (const one of running) finish(one)
      for (let one = queue.next(Infinity); one !== undefined; one = queue.next(Infinity)) finish(one)
      expect(queue.size).toBe(0)
      expect(new Set(ended)).toEqual(new Set(pushed))
      expect(ended).toHaveLength(pushed.length)
      for (const lane of ['orders/a', 'orders/b']) {
        expect(ended.filter((one) => one.lane === lane)).toEqual(pushed.filter((one) => one.lane === lane))
      }
    }),
  )
})
