import { describe, expect, it } from 'vitest'
import { Bound, worthOf } from '../../../agent/dispatch/bound.ts'
import type { WorkflowAction } from '../../../agent/dispatch/command.ts'
import { Counters, GLOBAL } from '../../../agent/dispatch/counters.ts'
import { action } from './support/commands.ts'

const BOUNDS = { maxEvents: 100, maxBytes: 1000, maxStored: 100, maxStoredBytes: 1000 }

/** Which of the three worths is refused, when so much is there. */
function refused(full: Partial<Record<keyof typeof GLOBAL, number>>, over: Partial<WorkflowAction> = {}): string {
  const counters = new Counters([])
  for (const [name, value] of Object.entries(full)) counters.global[GLOBAL[name as keyof typeof GLOBAL]] = value
  const bound = new Bound(counters, BOUNDS)
  return (['low', 'normal', 'high'] as const)
    .filter((worth) => bound.refuses({ ...action('orders'), worth, ...over }))
    .join(' ')
}

describe('Bound', () => {
  it.each([
    [{ accepted: 69 }, ''],
    [{ accepted: 70 }, 'low'],
    [{ accepted: 90 }, 'low normal'],
    [{ accepted: 100 }, 'low normal high'],
    [{ accepted: 1069, released: 1000 }, ''],
    [{ acceptedBytes: 700 }, 'low'],
    [{ acceptedBytes: 1000 }, 'low normal high'],
    [{ acceptedBytes: 1700, releasedBytes: 1000 }, 'low'],
  ])('with %j in memory refuses %j', (full, wanted) => {
    expect(refused(full)).toBe(wanted)
  })

  it.each([
    [{ stored: 70 }, 'low'],
    [{ stored: 100 }, 'low normal high'],
    [{ storedBytes: 900 }, 'low normal'],
  ])('with %j on disk refuses %j of what is durable, and nothing of what is not', (full, wanted) => {
    expect(refused(full, { delivery: 'durable' })).toBe(wanted)
    expect(refused(full, { delivery: 'strict' })).toBe(wanted)
    expect(refused(full, { delivery: 'memory' })).toBe('')
  })

  it('takes metered and strict events to be worth more than others, unless their rule says otherwise', () => {
    expect(worthOf(action('orders'))).toBe('normal')
    expect(worthOf({ ...action('usage'), kind: 'meter' })).toBe('high')
    expect(worthOf({ ...action('orders'), delivery: 'strict' })).toBe('high')
    expect(worthOf({ ...action('usage'), kind: 'meter', worth: 'low' })).toBe('low')
  })
})
