import { describe, expect, test, vi } from 'vitest'
import { GLOBAL } from '../../../../agent/dispatch/counters.ts'
import type { CallOptions } from '../../../../agent/dispatch/command.ts'
import { until } from '../support/wait.ts'
import { fakeTemporal, type FakeAnswer, type FakeCall } from './support/fake-temporal.ts'
import { CALLER, chunk, idOf, parcel } from './support/parcels.ts'
import { shipping } from './support/shipping.ts'

// On a busy machine even short waits may take their time.
vi.setConfig({ testTimeout: 60_000 })

const OK: FakeAnswer = { started: true }

describe('namespaces', () => {
  test('one that is not there does not stop the others, and only the default one is told of', async () => {
    let created = false
    const temporal = fakeTemporal(({ namespace }) => (namespace === 'billing' && !created ? { code: 5 } : OK))
    const { push, ended, told, posted, log } = shipping(temporal)
    push({ namespace: 'billing' }, parcel(1))
    await until(() => log.at('error').length > 0)
    push({}, ...Array.from({ length: 50 }, (_, i) => parcel(100 + i)))
    await until(() => ended.size === 50)
    expect(ended.has(1)).toBe(false)
    expect(told.filter(({ type }) => type === 'flowing')).toEqual([])
    expect(log.lines[0]?.fields).toMatchObject({ namespace: 'billing', address: 'fake:7233' })
    expect(posted.findLast((m) => m.type === 'state')).toMatchObject({ temporal: 'unavailable' })
    created = true
    await until(() => ended.size === 51)
    expect(posted.findLast((m) => m.type === 'state')).toMatchObject({ temporal: 'connected' })
  })

  test('each has its own lanes, and calls name theirs', async () => {
    const temporal = fakeTemporal(() => 'hang')
    const { push } = shipping(temporal)
    push({ kind: 'signal' }, parcel(1, { workflowId: 'w' }))
    push({ kind: 'signal', namespace: 'billing' }, parcel(2, { workflowId: 'w' }))
    await until(() => temporal.calls.length === 2)
    expect(temporal.calls.map(({ namespace }) => namespace)).toEqual(['edge', 'billing'])
  })
})

describe('recall', () => {
  test('gives back what waits of paused rules, leaves what is in flight, and takes nothing more of them', async () => {
    let go = (): void => undefined
    const wait = new Promise<void>((resolve) => (go = resolve))
    const temporal = fakeTemporal(async () => (await wait, OK))
    const { engine, push, ended } = shipping(temporal)
    push({}, ...Array.from({ length: 40 }, (_, i) => parcel(i)))
    push({ kind: 'meter' }, chunk(100, 2))
    push({ kind: 'signal' }, parcel(200, { workflowId: 'w' }))
    engine.take({ type: 'recall', rules: ['orders', 'usage'] })
    push({}, parcel(41))
    // 32 of the starts are in flight.
    await until(() => ended.size === 10)
    expect([...ended.keys()].toSorted((a, b) => a - b)).toEqual([32, 33, 34, 35, 36, 37, 38, 39, 41, 100])
    expect([...new Set(ended.values())]).toEqual(['recalled'])
    go()
    await until(() => ended.size === 43)
    expect(ended.get(200)).toBe('delivered')
    expect(ended.get(0)).toBe('delivered')
  })

  test('what was in flight and would have to be tried again is given back', async () => {
    let go = (): void => undefined
    const wait = new Promise<void>((resolve) => (go = resolve))
    const temporal = fakeTemporal(async (call) => {
      await wait
      return { [idOf(1)]: { code: 13 }, [idOf(2)]: { code: 14 }, [idOf(3)]: { code: 9 } }[call.requestId] ?? OK
    })
    const { engine, push, ended } = shipping(temporal)
    push({}, parcel(1), parcel(2), parcel(3), parcel(4))
    await until(() => temporal.calls.length === 4)
    engine.take({ type: 'recall', rules: ['orders'] })
    go()
    await until(() => ended.size === 4)
    expect([1, 2, 3, 4].map((n) => ended.get(n))).toEqual(['recalled', 'recalled', 'recalled', 'delivered'])
  })

  test('a later list that lacks a rule lets it go on', async () => {
    const temporal = fakeTemporal(() => OK)
    const { engine, push, ended } = shipping(temporal)
    engine.take({ type: 'recall', rules: ['orders'] })
    push({}, parcel(1))
    await until(() => ended.get(1) === 'recalled')
    engine.take({ type: 'recall', rules: [] })
    push({}, parcel(1))
    await until(() => ended.get(1) === 'delivered')
  })
})

describe('the end', () => {
  test('in a hurry batches go out at once, also those of namespaces that come later', async () => {
    const temporal = fakeTemporal(() => OK)
    const { engine, push, ended } = shipping(temporal)
    const batch = { maxRecords: 1_000, maxDelayMs: 3_600_000, maxBytes: 100_000 }
    push({ kind: 'meter', batch }, chunk(1))
    engine.take({ type: 'hurry' })
    push({ kind: 'meter', batch, namespace: 'billing' }, chunk(2))
    await until(() => ended.size === 2)
  })

  test('a stop tells what is settled, then how many calls it gave up, and closes the connections', async () => {
    const temporal = fakeTemporal(({ workflowId }) => (workflowId === idOf(1) ? OK : 'hang'))
    const { engine, push, told } = shipping(temporal)
    push({}, parcel(1))
    await until(() => told.length > 0)
    push({}, parcel(2), parcel(3))
    engine.take({ type: 'stop' })
    await engine.stop()
    expect(told.map(({ type }) => type)).toEqual(['settled', 'stopped'])
    expect(told.at(-1)).toEqual({ type: 'stopped', inFlight: 2 })
    expect(temporal.closed).toBe(true)
  })

  test('it says so when the connections are closed, and takes nothing meanwhile', async () => {
    const temporal = fakeTemporal(() => OK)
    let closed = (): void => undefined
    const close = (): Promise<void> => new Promise((resolve) => (closed = resolve))
    const { engine, push, told } = shipping({ of: temporal.of, close })
    const stopping = engine.stop()
    push({}, parcel(1))
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(told).toEqual([])
    closed()
    await stopping
    expect(told).toEqual([{ type: 'stopped', inFlight: 0 }])
    expect(temporal.calls).toEqual([])
  })

  test('calls that end after it change nothing', async () => {
    let go = (): void => undefined
    const wait = new Promise<void>((resolve) => (go = resolve))
    const temporal = fakeTemporal(async () => (await wait, OK))
    const { engine, push, told } = shipping(temporal)
    push({}, parcel(1))
    await until(() => temporal.calls.length === 1)
    await engine.stop()
    go()
    await until(() => temporal.flight.now === 0)
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(told).toEqual([{ type: 'stopped', inFlight: 1 }])
  })
})

describe('search attributes', () => {
  const caller = { ...CALLER, searchAttributes: true }
  const names = ({ searchAttributes }: FakeCall['request']): string[] =>
    Object.keys((searchAttributes as { indexedFields?: object } | undefined)?.indexedFields ?? {})

  test('a namespace that lacks some has its workflows started without these, and the starts are counted', async () => {
    const temporal = fakeTemporal(({ request }) => {
      const missing = names(request).find((name) => name !== 'Plan')
      if (missing === undefined) return OK
      return { code: 3, details: `Namespace edge has no mapping defined for search attribute ${missing}` }
    })
    const { push, ended, counters, log } = shipping(temporal, caller)
    const call: CallOptions = { searchAttributes: { Plan: { type: 'Keyword', value: 'gold' } } }
    push({}, parcel(1, { call: JSON.stringify(call) }))
    await until(() => ended.size === 1)
    push({}, parcel(2))
    await until(() => ended.size === 2)
    expect([...ended.values()]).toEqual(['delivered', 'delivered'])
    expect(temporal.calls.map(({ request }) => names(request))).toEqual([
      ['ActorType', 'Tenant', 'Plan'],
      ['Tenant', 'Plan'],
      ['Plan'],
      [],
    ])
    expect(counters.getGlobal(GLOBAL.unindexed)).toBe(2)
    expect(log.at('warn')).toHaveLength(2)
  })

  test('a value that is refused costs its own workflow the index, and no other', async () => {
    const temporal = fakeTemporal(({ request, workflowId }) =>
      workflowId === idOf(1) && names(request).length > 0
        ? { code: 3, details: 'invalid value for search attribute Tenant of type Int: acme' }
        : OK,
    )
    const { push, ended, counters } = shipping(temporal, caller)
    push({}, parcel(1))
    await until(() => ended.size === 1)
    push({}, parcel(2))
    await until(() => ended.size === 2)
    expect([...ended.values()]).toEqual(['delivered', 'delivered'])
    expect(names(temporal.calls.at(-1)!.request)).toEqual(['ActorType', 'Tenant'])
    expect(counters.getGlobal(GLOBAL.unindexed)).toBe(1)
  })
})

test('a parcel of an action that was never told is a dead letter', async () => {
  const { engine, ended } = shipping(fakeTemporal(() => OK))
  engine.take({ type: 'parcels', parcels: [parcel(1, { action: 7 })] })
  await until(() => ended.size === 1)
  expect(ended.get(1)).toBe('unsendable: its action is unknown')
})
