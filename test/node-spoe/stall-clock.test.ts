import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { StallClock } from '../../node-spoe/src/stall-clock.ts'
import { fallback, plain } from './support/handlers.ts'
import { harness } from './support/harness.ts'
import { messageBytes, notify } from './support/wire.ts'

describe('what is read', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setImmediate', 'performance'] }))
  afterEach(() => void vi.useRealTimers())

  test('is in time while the loop turns', () => {
    const clock = new StallClock(40)
    clock.start()
    for (let i = 0; i < 50; i++) {
      vi.advanceTimersByTime(13)
      expect(clock.isLate(performance.now())).toBe(false)
    }
    clock.stop()
  })

  test('is late after the process stood still for longer than the deadline', () => {
    const clock = new StallClock(40)
    clock.start()
    vi.advanceTimersByTime(20)
    // The kernel wakes the process with bytes before the timer has its turn.
    expect(clock.isLate(performance.now() + 60)).toBe(false)
    expect(clock.isLate(performance.now() + 61)).toBe(true)
    clock.stop()
  })
})

test('what lies in the buffers when a blocked loop goes on is late, what comes afterwards is not', async () => {
  const clock = new StallClock(5)
  clock.start()
  // Due in the same turn as the beat and after it: the beat alone must not make everything look well.
  const late = new Promise((resolve) => setTimeout(() => resolve(clock.isLate(performance.now())), 6))
  const end = performance.now() + 100
  while (performance.now() < end);
  expect(await late).toBe(true)
  await vi.waitFor(() => expect(clock.isLate(performance.now())).toBe(false))
  clock.stop()
})

test('a NOTIFY that came too late is answered by the fallback, and no handler is called for it', () => {
  let called = 0
  const names: string[] = []
  const h = harness({
    messages: { m: plain(() => void called++) },
    fallback(reply, cause) {
      names.push(reply.message)
      fallback(reply, cause)
    },
  })
  const flushed = h.writes.length
  h.session.receive(notify([messageBytes('unknown'), messageBytes('m')], 1, 1), performance.now(), true)
  h.receive(notify([messageBytes('m')], 2, 1))
  expect(h.writes.length).toBe(flushed + 1)
  expect(called).toBe(1)
  expect(names).toEqual(['m'])
  expect(h.acks()).toEqual([[['set txn.cause', 'deadline']], []])
  expect(h.counters).toMatchObject({ deadlineAnswers: 1, acks: 2 })
})
