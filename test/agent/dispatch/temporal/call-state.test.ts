import { expect, test } from 'vitest'
import { CallError } from '../../../../agent/dispatch/temporal/call-error.ts'
import { CallState, isRefusal } from '../../../../agent/dispatch/temporal/call-state.ts'

test('only what changes is news', () => {
  const state = new CallState()
  expect(state.state).toBe('unknown')
  expect(state.observe(null)).toBe(true)
  expect(state.observe(null)).toBe(false)
  expect(state.observe(new CallError(14, 'away'))).toBe(true)
  expect(state.observe(new CallError(14, 'away'))).toBe(false)
  expect([state.state, state.error]).toEqual(['unavailable', 'gRPC status 14: away'])
  expect(state.observe(new CallError(16, 'who are you'))).toBe(true)
  expect([state.state, state.error]).toEqual(['unavailable', 'gRPC status 16: who are you'])
  // Whoever refuses an event is there.
  expect(state.observe(new CallError(3, 'too long'))).toBe(true)
  expect([state.state, state.error]).toEqual(['connected', undefined])
})

test('a time-out and a call that was given up say nothing', () => {
  const state = new CallState()
  expect(state.observe(new CallError(4, 'late'))).toBe(false)
  expect(state.observe(new CallError(1, 'given up'))).toBe(false)
  expect(state.state).toBe('unknown')
})

test('a new connection that was answered ends what was wrong', () => {
  const state = new CallState()
  state.observe(new CallError(7, 'not you'))
  state.reset()
  expect([state.state, state.error]).toEqual(['connected', undefined])
})

test('being unknown and being not allowed are refusals, being away is not', () => {
  expect([16, 7, 14, 5].map((code) => isRefusal({ code }))).toEqual([true, true, false, false])
})
