import { describe, expect, test, vi } from 'vitest'
import type { Parcel } from '../../../../agent/dispatch/parcel.ts'
import { until } from '../support/wait.ts'
import { parcel } from './support/parcels.ts'
import { OK, ship, starts, outcomes } from './support/ship.ts'

// On a busy machine even short waits may take their time.
vi.setConfig({ testTimeout: 60_000 })

describe('calls that are refused to one rule', () => {
  const KILL = { kind: 'terminate' } as const
  const kills = (from: number, to: number, over: Partial<Parcel> = {}) =>
    Array.from({ length: to - from }, (_, i) => parcel(from + i, { workflowId: `victim/${from + i}`, ...over }))

  test.each([7, 12])('do not hold up the others, once and for good: status %i', async (code) => {
    let mended = false
    const { temporal, push, ended, told, posted, log } = ship(({ rpc }) =>
      rpc === 'terminate' && !mended ? { code, details: 'not allowed' } : OK,
    )
    push(KILL, ...kills(1_000, 1_005))
    const denied = () => posted.findLast((m) => m.type === 'denied')?.rules
    let sent = 0
    while (denied()?.includes('kill') !== true) {
      push({}, parcel(sent++))
      await until(() => ended.size === sent)
    }
    // As many at once as ever.
    const { flight } = temporal
    flight.most = 0
    push({}, ...starts(sent, sent + 100))
    await until(() => ended.size === sent + 100)
    expect(flight.most).toBeGreaterThan(10)
    expect(outcomes(ended)).toEqual(['delivered'])
    expect(told.findLast((m) => m.type === 'flowing')).not.toEqual({ type: 'flowing', flowing: false })
    expect(posted.findLast((m) => m.type === 'state')).toMatchObject({ temporal: 'connected' })
    expect(log.lines.find(({ fields }) => 'rule' in fields)?.fields).toMatchObject({ rule: 'kill', namespace: 'edge' })

    mended = true
    await until(() => ended.size === sent + 105)
    await until(() => denied()?.length === 0)
    expect(outcomes(ended)).toEqual(['delivered'])
  })

  test('are asked for by one call at a time while others flow', async () => {
    let refusing = 0
    let most = 0
    const { temporal, push, ended } = ship(async ({ rpc }) => {
      if (rpc !== 'terminate') return OK
      most = Math.max(most, ++refusing)
      await new Promise((resolve) => setImmediate(resolve))
      refusing--
      return { code: 7 }
    })
    push(KILL, parcel(1_000, { workflowId: 'victim' }))
    await until(() => temporal.calls.length === 1)
    push(KILL, ...kills(1_001, 1_100))
    for (let i = 0; i < 200; i += 10) {
      push({}, ...starts(i, i + 10))
      await until(() => ended.size === i + 10)
    }
    expect(most).toBe(1)
  })

  test('end as dead letters when they are too old, those that were never made as well', async () => {
    const { temporal, push, ended } = ship(({ rpc }) => (rpc === 'terminate' ? { code: 7, details: 'no' } : OK))
    push({ ...KILL, maxAgeMs: 1_000 }, parcel(1_000, { workflowId: 'victim', at: Date.now() - 5_000 }))
    await until(() => temporal.calls.length === 1)
    push({ ...KILL, maxAgeMs: 1_000 }, ...kills(1_001, 1_050, { at: Date.now() - 5_000 }))
    push({}, parcel(1))
    await until(() => ended.size === 51)
    expect([...new Set([...ended].filter(([n]) => n >= 1_000).map(([, how]) => how))]).toEqual([
      'TOO_OLD: PERMISSION_DENIED: no',
    ])
    expect(temporal.calls.length).toBeLessThan(10)
  })

  test('and their events are given back when the rule is paused', async () => {
    const { engine, temporal, push, ended, posted } = ship(({ rpc }) => (rpc === 'terminate' ? { code: 7 } : OK))
    push(KILL, ...kills(1_000, 1_050))
    await until(() => temporal.calls.length > 0)
    push({}, parcel(1))
    await until(() => ended.size === 1)
    engine.take({ type: 'recall', rules: ['kill'] })
    await until(() => ended.size === 51)
    expect(posted.findLast((m) => m.type === 'denied')?.rules ?? []).toEqual([])
  })

  test('keep waiting when a look finds their workflow gone, which says nothing of the call', async () => {
    const { temporal, push, ended, posted } = ship(({ rpc }) => (rpc === 'terminate' ? { code: 7 } : OK))
    push(KILL, ...kills(1_000, 1_003))
    let sent = 0
    const denied = () => posted.filter((m) => m.type === 'denied')
    while (denied().length === 0) {
      push({}, parcel(sent++))
      await until(() => ended.size === sent)
    }
    temporal.firstRuns.set('gone', 5)
    push(KILL, parcel(1_010, { workflowId: 'gone' }))
    await until(() => ended.get(1_010) === 'delivered')
    expect(denied()).toHaveLength(1)
  })
})
