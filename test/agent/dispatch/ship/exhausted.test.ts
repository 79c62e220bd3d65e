import { describe, expect, test, vi } from 'vitest'
import { GLOBAL } from '../../../../agent/dispatch/counters.ts'
import { until } from '../support/wait.ts'
import { fakeTemporal } from './support/fake-temporal.ts'
import { CALLER, parcel } from './support/parcels.ts'
import { OK, ship, starts, outcomes } from './support/ship.ts'
import { shipping } from './support/shipping.ts'

// On a busy machine even short waits may take their time.
vi.setConfig({ testTimeout: 60_000 })

describe('RESOURCE_EXHAUSTED', () => {
  test('too many calls at once lower the concurrency, and nothing is lost', async () => {
    const { temporal, push, ended, counters } = ship(() =>
      temporal.flight.now > 12 ? { code: 8, cause: 2, scope: 1 } : OK,
    )
    push({}, ...starts(0, 400))
    await until(() => ended.size === 400)
    expect(outcomes(ended)).toEqual(['delivered'])
    expect(counters.getGlobal(GLOBAL.concurrency)).toBeLessThan(32)
  })

  test.each([
    ['RPS_LIMIT', 1],
    ['APS_LIMIT', 6],
    ['OPS_LIMIT', 9],
  ])('%s slows the namespace down without stopping it', async (_, cause) => {
    let refusals = 0
    const { push, ended, told, log } = ship(({ workflowId }, attempt) =>
      workflowId.endsWith('5') && attempt === 1 ? (refusals++, { code: 8, cause, scope: 1 }) : OK,
    )
    push({}, ...starts(0, 40))
    await until(() => ended.size === 40)
    expect(refusals).toBeGreaterThan(0)
    expect(outcomes(ended)).toEqual(['delivered'])
    expect(told.filter(({ type }) => type === 'flowing')).toEqual([])
    expect(log.at('warn')).toEqual(['Temporal asks for fewer calls: slowing down'])
  })

  test.each([
    ['SYSTEM_OVERLOADED', 3],
    ['PERSISTENCE_LIMIT', 4],
    ['CIRCUIT_BREAKER_OPEN', 8],
  ])('%s makes all calls rest, and those of other namespaces too', async (_, cause) => {
    const temporal = fakeTemporal(({ namespace }) => (namespace === 'billing' ? { code: 8, cause, scope: 2 } : OK))
    const long = [60_000, 60_000] as const
    const { push, log } = shipping(temporal, CALLER, { pauses: { unavailable: long, overloaded: long, parked: long } })
    push({ namespace: 'billing' }, parcel(1))
    await until(() => log.at('warn').length > 0)
    push({}, ...starts(10, 20))
    push({ namespace: 'third' }, parcel(30))
    // Not at once, nor when everything that was to happen has happened.
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(temporal.calls.map(({ namespace }) => namespace)).toEqual(['billing', 'third'])
    expect(log.at('warn')).toEqual(['Temporal is overloaded: events wait'])
  })

  test('an overloaded server is asked by one call at a time, and delivers what waited when it is well', async () => {
    let overloaded = true
    const { temporal, push, ended } = ship(() => (overloaded ? { code: 8, cause: 3, scope: 2 } : OK))
    push({}, parcel(0))
    // The second call is a probe.
    await until(() => temporal.calls.length > 1)
    push({}, ...starts(1, 40))
    await until(() => temporal.calls.length > 3)
    expect(temporal.flight.most).toBe(1)
    overloaded = false
    await until(() => ended.size === 40)
    expect(outcomes(ended)).toEqual(['delivered'])
  })
})
