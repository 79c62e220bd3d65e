import { describe, expect, test } from 'vitest'
import type { CallOptions, WorkflowAction } from '../../../../agent/dispatch/command.ts'
import { begin, rpcOf } from '../../../../agent/dispatch/ship/attempt.ts'
import { MissingAttributes } from '../../../../agent/dispatch/ship/missing-attributes.ts'
import type { Job } from '../../../../agent/dispatch/ship/job.ts'
import { recordedLog } from '../support/commands.ts'
import { failure, fakeTemporal } from './support/fake-temporal.ts'
import { CALLER, job, parcel } from './support/parcels.ts'

const one = (over: Partial<WorkflowAction>, call: CallOptions = {}): Job =>
  job([parcel(1, { call: JSON.stringify(call) })], over)

describe('the call', () => {
  test.each([
    ['start', {}],
    ['signalWithStart', { kind: 'signal' }],
    ['signal', { kind: 'signal', workflowType: '' }],
    ['signalWithStart', { kind: 'meter' }],
    ['signalWithStart', { kind: 'window' }],
    ['cancel', { kind: 'cancel' }],
    ['terminate', { kind: 'terminate' }],
  ] as const)('is %s for %o', (rpc, over) => {
    expect(rpcOf(one(over))).toBe(rpc)
  })

  test('is a signal first where a second start would end the delay of the first', () => {
    const delayed = one({ kind: 'signal' }, { startDelayMs: 1_000 })
    expect(rpcOf(delayed)).toBe('signal')
    delayed.noWorkflow = true
    expect(rpcOf(delayed)).toBe('signalWithStart')
    expect(rpcOf(one({ kind: 'start' }, { startDelayMs: 1_000 }))).toBe('start')
  })
})

describe('search attributes', () => {
  const caller = { ...CALLER, searchAttributes: true }

  test('what is left out of them is remembered, so that it can be counted', async () => {
    const missing = new MissingAttributes('edge', recordedLog())
    const calls = fakeTemporal(() => ({ started: true })).of('edge')
    const start = one({})
    const { attempt, answer } = begin(start, caller, calls, missing, 0)
    expect(Object.keys(attempt.searchAttributes?.indexedFields ?? {})).toEqual(['ActorType', 'Tenant'])
    expect(start.unindexed).toBe(false)
    missing.judge(failure(3, 'search attribute Tenant is not defined'), attempt.searchAttributes ?? {}, 0)
    const again = begin(start, caller, calls, missing, 1)
    expect(Object.keys(again.attempt.searchAttributes?.indexedFields ?? {})).toEqual(['ActorType'])
    expect(start.unindexed).toBe(true)
    start.withoutAttributes = true
    const bare = begin(start, caller, calls, missing, 2)
    expect([bare.attempt.searchAttributes, start.unindexed]).toEqual([undefined, true])
    await Promise.all([answer, again.answer, bare.answer])
  })
})
