import { expect, test } from 'vitest'
import type { EdgeEvent } from '../../../agent/messages.ts'
import { Trail, type TrailState } from '../../../workflows/workflows/trail.ts'
import { actor, event } from '../support/edge.ts'

const ann = actor('ann')

test('keeps the last hundred events, oldest first, and the number of all', () => {
  const trail = new Trail(1000)
  for (let n = 0; n < 130; n++) trail.add(event(`${n}`, 'audit', ann), ann)
  expect(trail.total).toBe(130)
  expect(trail.entries.map((entry) => entry.id)).toEqual(Array.from({ length: 100 }, (_, n) => `audit/${n + 30}`))
})

test('an event that comes again is not kept again, also in the next run', () => {
  const trail = new Trail(1000)
  trail.add(event('1', 'audit', ann), ann)
  const next = new Trail(1000, JSON.parse(JSON.stringify(trail.toState())) as TrailState)
  next.add(event('1', 'audit', ann), ann)
  next.add(event('2', 'audit', ann), ann)
  expect(next).toMatchObject({ total: 2, duplicates: 1 })
  expect(next.entries).toHaveLength(2)
})

test('an entry names the caller of the signal, or else of the event', () => {
  const trail = new Trail(1000)
  trail.add(event('1', 'audit', ann), actor('ben'))
  trail.add(event('2', 'audit', ann), undefined)
  expect(trail.entries.map((entry) => entry.actor.subject)).toEqual(['ben', 'ann'])
})

test('endless URLs do not make the state larger than a payload may be', () => {
  const trail = new Trail(1000)
  const { request } = event('0', 'audit', ann)
  for (let n = 0; n < 100; n++) {
    trail.add(event(`${n}`, 'audit', ann, { request: { ...request, path: '/'.padEnd(16_000, 'x') } }), ann)
  }
  const state = trail.toState()
  expect(JSON.stringify(state).length).toBeLessThan(400_000)
  expect(state.entries.at(-1)?.id).toBe('audit/99')
  const size = state.entries.length
  const next = new Trail(1000, state)
  next.add(event('100', 'audit', ann, { request: { ...request, path: '/'.padEnd(16_000, 'x') } }), ann)
  expect(next.entries.length).toBe(size)
})

test('what is no event is counted apart and throws nothing', () => {
  const trail = new Trail(10)
  for (const bad of [undefined, null, 'x', {}, { id: 'a' }, { id: 1, request: {} }]) {
    trail.add(bad as unknown as EdgeEvent, ann)
  }
  expect(trail).toMatchObject({ total: 0, malformed: 6 })
})
