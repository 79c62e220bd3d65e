import { describe, expect, test, vi } from 'vitest'
import { FULL_BYTES, LOOK_BYTES } from '../../../../agent/dispatch/ship/histories.ts'
import { until } from '../support/wait.ts'
import { fakeTemporal } from './support/fake-temporal.ts'
import { chunk, parcel } from './support/parcels.ts'
import { shipping } from './support/shipping.ts'

vi.setConfig({ testTimeout: 60_000 })

const LIMITS = { maxRecords: 10_000, maxDelayMs: 0, maxBytes: 1e9 }
const METER = { kind: 'meter', batch: LIMITS } as const
/** A chunk so large that the history is looked at before the next one. */
const large = (n: number, over = {}) => ({ ...chunk(n, 2, { at: 0, ...over }), body: `"${'x'.repeat(LOOK_BYTES)}"` })

describe('histories of workflows that are signalled much', () => {
  test('are looked at now and then, and not at all where little is sent', async () => {
    const temporal = fakeTemporal(() => ({ started: false }))
    const { push, ended } = shipping(temporal)
    push(METER, chunk(1, 2, { at: 0, workflowId: 'usage/quiet' }))
    push(METER, large(2))
    await until(() => ended.size === 2)
    push(METER, chunk(3, 2, { at: 0 }))
    await until(() => ended.size === 3)
    push(METER, large(4))
    await until(() => ended.size === 4)
    expect(temporal.looks).toEqual(['usage/acme', 'usage/acme'])
    expect([...ended.values()]).toEqual(['delivered', 'delivered', 'delivered', 'delivered'])
  })

  test('hold their workflow back while they are too long, and nobody else', async () => {
    const temporal = fakeTemporal(() => ({ started: false }))
    const { push, ended } = shipping(temporal)
    temporal.histories.set('usage/acme', FULL_BYTES)
    push(METER, large(1))
    push(METER, chunk(2, 2, { at: 0, workflowId: 'usage/globex' }))
    push({}, parcel(3))
    await until(() => ended.size === 2 && temporal.looks.length >= 2)
    expect(temporal.calls.map(({ workflowId }) => workflowId)).not.toContain('usage/acme')
    // A worker has continued it as new.
    temporal.histories.set('usage/acme', 1000)
    await until(() => ended.size === 3)
    expect(ended.get(1)).toBe('delivered')
  })
})
