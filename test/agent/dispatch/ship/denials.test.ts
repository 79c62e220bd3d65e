import { describe, expect, test } from 'vitest'
import type { WorkflowAction } from '../../../../agent/dispatch/command.ts'
import type { Verdict } from '../../../../agent/dispatch/classify.ts'
import { Denials } from '../../../../agent/dispatch/ship/denials.ts'
import { Gate } from '../../../../agent/dispatch/ship/gate.ts'
import type { Job } from '../../../../agent/dispatch/ship/job.ts'
import { ShipQueue } from '../../../../agent/dispatch/ship/queue.ts'
import { parcel, shipAction } from './support/parcels.ts'

/** Of the rules that these stand for. */
const [GOOD, KILL, STOP] = [{}, { kind: 'terminate' }, { kind: 'cancel' }] as const
const REFUSED: Verdict = { kind: 'park', scope: 'namespace', reason: 'PERMISSION_DENIED: no' }
const TAKEN: Verdict = { kind: 'delivered' }
const PAUSE = [1_000, 10_000] as const

function setUp() {
  const queue = new ShipQueue()
  const gate = new Gate({ unavailable: PAUSE, overloaded: PAUSE, parked: PAUSE }, () => 1)
  const paused = new Set<string>()
  const told: string[] = []
  const denials = new Denials({
    queue,
    gate,
    pause: PAUSE,
    isPaused: (rule) => paused.has(rule),
    denied: (rule, rpc, reason) => told.push(`${rule}: ${rpc}: ${reason}`),
    allowed: (rule, isTaken) => told.push(`${rule}: ${isTaken ? 'taken' : 'nothing waits'}`),
  })
  const push = (over: Partial<WorkflowAction>, ...handles: number[]): void => {
    for (const n of handles) queue.push(parcel(n), shipAction(over), 0)
  }
  /** Begins the next call; its handle tells which one it is. */
  const next = (now: number): Job | undefined => {
    const job = denials.next(now)
    if (job !== undefined) denials.began(job)
    return job
  }
  const end = (job: Job, startedAt: number, verdict: Verdict): boolean => {
    const now = startedAt + 1
    const attempt = { job, rpc: job.action.kind as 'start', startedAt, searchAttributes: undefined }
    const isKept = denials.heard(attempt, verdict, now)
    if (verdict === TAKEN) gate.answered(startedAt)
    if (!isKept) queue.done(job, now)
    return isKept
  }
  /** Makes the next call. Returns its handle. */
  const call = (now: number, verdict: Verdict): number | undefined => {
    const job = next(now)
    if (job !== undefined) end(job, now, verdict)
    return job?.first.handle
  }
  return { queue, gate, denials, paused, told, push, next, end, call }
}

describe('a rule that is refused', () => {
  test('waits, and others go on at once and without limit', () => {
    const { gate, push, call, next } = setUp()
    push(KILL, 1, 2, 3)
    push(GOOD, 10)
    expect(call(0, REFUSED)).toBe(1)
    // The first refusal may have been for its event alone.
    expect(call(10, REFUSED)).toBe(2)
    push(GOOD, 11, 12)
    expect(call(20, TAKEN)).toBe(10)
    expect(gate.limit(30, 32)).toBe(32)
    // What was taken since tells that the agent is welcome: the rule tries again, the one that waits and was not refused.
    expect(call(30, REFUSED)).toBe(3)
    expect([next(40), next(40), next(40)].map((job) => job?.first.handle)).toEqual([11, 12, undefined])
    expect(gate.limit(40, 32)).toBe(32)
  })

  test('tries one call at a time, after pauses that grow, and never keeps the others from going', () => {
    const { denials, push, call, next, end } = setUp()
    push(KILL, 1, 2, 3, 4)
    call(0, REFUSED)
    call(1, REFUSED)
    push(GOOD, 10)
    call(2, TAKEN)
    const tries: number[] = []
    const [STEP, END] = [100, 100_003]
    for (let now = 3; now < END; now += STEP) {
      push(GOOD, 1_000 + now)
      const probe = next(now)!
      if (probe.action.rule === 'kill') {
        tries.push(now)
        expect(next(now)?.first.handle).toBe(1_000 + now)
        expect(next(now)).toBeUndefined()
        end(probe, now, REFUSED)
      } else expect(probe.first.handle).toBe(1_000 + now)
    }
    expect(tries.length).toBeGreaterThan(8)
    expect(tries.length).toBeLessThan(25)
    expect(denials.nextDue()).toBeGreaterThan(END - STEP)
  })

  test('goes on in its order when one of its calls is taken', () => {
    const { denials, push, call } = setUp()
    push(KILL, 1, 2, 3, 4)
    call(0, REFUSED)
    call(1, REFUSED)
    expect(call(10, TAKEN)).toBeUndefined()
    expect(call(denials.nextDue()!, TAKEN)).toBe(3)
    expect(denials.size).toBe(0)
    expect([call(9_000, TAKEN), call(9_000, TAKEN), call(9_000, TAKEN)]).toEqual([1, 2, 4])
  })

  test('is told once it is known that others are taken, and when it is over', () => {
    const { told, denials, push, call } = setUp()
    push(KILL, 1, 2, 3)
    for (let i = 0; i < 2; i++) call(i, REFUSED)
    expect(told).toEqual([])
    push(GOOD, 10)
    call(5, TAKEN)
    for (let i = 0; i < 5; i++) call(denials.nextDue()!, REFUSED)
    expect(told).toEqual(['kill: terminate: PERMISSION_DENIED: no'])
    call(denials.nextDue()!, TAKEN)
    expect(told.slice(1)).toEqual(['kill: taken'])
  })

  test('is forgotten when nothing of it waits any more', () => {
    const { told, queue, denials, paused, push, call } = setUp()
    push(KILL, 1, 2)
    for (let i = 0; i < 2; i++) call(i, REFUSED)
    push(GOOD, 10)
    call(5, TAKEN)
    call(denials.nextDue()!, REFUSED)
    paused.add('kill')
    denials.release()
    expect(queue.recall((rule) => paused.has(rule), 6).map(({ handle }) => handle)).toEqual([1, 2])
    expect([denials.next(7), denials.size, denials.nextDue()]).toEqual([undefined, 0, undefined])
    expect(told.slice(1)).toEqual(['kill: nothing waits'])
  })

  test('of which only some events are refused keeps none of the others waiting', () => {
    const { gate, push, call, next, end } = setUp()
    push(KILL, 1)
    expect(call(0, REFUSED)).toBe(1)
    push(KILL, 2, 3)
    expect(call(1, TAKEN)).toBe(2)
    // All go on, and what is refused a second time waits alone.
    const [again, other] = [next(2)!, next(2)!]
    expect([again, other].map((job) => job.first.handle)).toEqual([1, 3])
    expect(end(again, 2, REFUSED)).toBe(false)
    expect(gate.limit(3, 32)).toBe(32)
  })

  test('is no other one for calls of it that were under way together', () => {
    const { gate, push, next, end, denials } = setUp()
    push(KILL, 1, 2, 3)
    const calls = [next(0)!, next(0)!, next(0)!]
    for (const job of calls) expect(end(job, 0, REFUSED)).toBe(true)
    expect([gate.cause, denials.size]).toEqual([undefined, 1])
    expect(denials.nextDue()).toBeLessThanOrEqual(1_001)
  })

  test.each([
    ['slower', { kind: 'retry', scope: 'namespace', cause: 'slower', reason: '' }],
    ['no answer', { kind: 'retry', scope: 'call', cause: 'timeout', reason: '' }],
    ['unsent', { kind: 'dead-letter', reason: '', unsent: true }],
  ] as const)('is not over when a try comes to nothing: %s', (_, verdict) => {
    const { denials, push, call } = setUp()
    push(KILL, 1, 2, 3, 4)
    for (let i = 0; i < 2; i++) call(i, REFUSED)
    call(denials.nextDue()!, verdict)
    expect(denials.size).toBe(1)
    expect(denials.nextDue()).toBeDefined()
  })
})

describe('a namespace that refuses', () => {
  test.each([
    ['the same rule twice', [KILL, KILL]],
    ['two rules', [KILL, STOP]],
  ] as const)('%s is parked when nothing was taken meanwhile', (_, rules) => {
    const { gate, push, call } = setUp()
    rules.forEach((rule, i) => push(rule, i + 1))
    call(0, REFUSED)
    expect(gate.cause).toBeUndefined()
    call(1_100, REFUSED)
    expect(gate.cause).toBe('parked')
    expect(gate.limit(1_200, 32)).toBe(1)
  })

  test('is asked at once for a rule that was not refused, for others after a pause, one at a time', () => {
    const { gate, denials, push, call } = setUp()
    push(KILL, 1, 2)
    push(STOP, 3, 4)
    call(0, REFUSED)
    call(1, REFUSED)
    call(2, REFUSED)
    expect(gate.cause).toBe('parked')
    expect(call(3, REFUSED)).toBeUndefined()
    push(GOOD, 10)
    expect(call(4, REFUSED)).toBe(10)
    const due = denials.nextDue()!
    expect(due).toBeGreaterThanOrEqual(gate.probeAt)
    expect(call(due, REFUSED)).toBeDefined()
    // However many rules wait, it is one call for each pause.
    expect(call(due + 2, REFUSED)).toBeUndefined()
    expect(gate.probeAt).toBeGreaterThan(due)
  })

  test('is well again for all with the first call that is taken', () => {
    const { gate, told, denials, push, call } = setUp()
    push(KILL, 1, 2)
    push(STOP, 3, 4)
    for (let i = 0; i < 4; i++) call(i, REFUSED)
    call(denials.nextDue()!, TAKEN)
    expect(gate.cause).toBeUndefined()
    for (let i = 0; i < 4; i++) call(20_000 + i, TAKEN)
    expect([denials.size, denials.next(30_000), told]).toEqual([0, undefined, []])
  })
})
