import { describe, expect, test, vi } from 'vitest'
import { GLOBAL, SLOT } from '../../../../agent/dispatch/counters.ts'
import type { CallOptions } from '../../../../agent/dispatch/command.ts'
import type { MeterBatch } from '../../../../agent/messages.ts'
import { until } from '../support/wait.ts'
import { type FakeCall, signalled } from './support/fake-temporal.ts'
import { CALLER, chunk, idOf, parcel } from './support/parcels.ts'
import { OK, BUSY, ship, starts, signal, ids, outcomes } from './support/ship.ts'

// On a busy machine even short waits may take their time.
vi.setConfig({ testTimeout: 60_000 })

describe('calls', () => {
  test('each kind of action makes its own', async () => {
    const { temporal, push, ended } = ship(() => OK)
    push({}, parcel(1))
    push({ kind: 'signal' }, signal(2, 'a'))
    push({ kind: 'signal', workflowType: '' }, signal(3, 'b'))
    push({ kind: 'meter' }, chunk(4, 2, { at: 0 }))
    push({ kind: 'window' }, parcel(5, { workflowId: 'traffic/k' }))
    push({ kind: 'cancel' }, parcel(6, { workflowId: 'w' }))
    push({ kind: 'terminate' }, parcel(7, { workflowId: 'v' }))
    await until(() => ended.size === 7)
    expect(temporal.calls.map(({ rpc, workflowId }) => `${rpc} ${workflowId}`)).toEqual([
      `start ${idOf(1)}`,
      'signalWithStart audit/a',
      'signal audit/b',
      'signalWithStart usage/acme',
      'signalWithStart traffic/k',
      'cancel w',
      'terminate v',
    ])
    expect(outcomes(ended)).toEqual(['delivered'])
  })

  test('no more are in flight than the limit says, and both are shown', async () => {
    let answerAll = (): void => undefined
    const wait = new Promise<void>((resolve) => (answerAll = resolve))
    const { temporal, push, ended, counters } = ship(async () => (await wait, OK))
    push({}, ...starts(0, 100))
    await until(() => temporal.flight.now === 32)
    expect([GLOBAL.inFlight, GLOBAL.concurrency].map((slot) => counters.getGlobal(slot))).toEqual([32, 32])
    answerAll()
    await until(() => ended.size === 100)
    expect(temporal.flight.most).toBe(32)
    expect([GLOBAL.inFlight, GLOBAL.calls].map((slot) => counters.getGlobal(slot))).toEqual([0, 100])
  })

  test('what Temporal bills is counted by rule, and retries that failed are not', async () => {
    const { push, ended, counters } = ship(({ rpc, workflowId }, attempt) => {
      if (attempt === 1) return { code: 13 }
      if (workflowId === idOf(2)) return { started: false }
      return { started: rpc === 'signalWithStart' ? workflowId === 'audit/new' : true }
    })
    push({}, parcel(1), parcel(2))
    push({ kind: 'signal' }, signal(3, 'new'), signal(4, 'old'))
    push({ kind: 'meter' }, chunk(5, 100, { at: 0 }))
    push({ kind: 'cancel' }, parcel(6, { workflowId: 'w' }))
    await until(() => ended.size === 6)
    const billed = ['orders', 'audit', 'usage', 'stop'].map((rule) => counters.get(counters.row(rule), SLOT.actions))
    expect(billed).toEqual([1, 3, 1, 1])
  })

  test('a duplicate and an existing workflow count as deduplicated', async () => {
    const { push, ended } = ship(({ requestId }) => (requestId === idOf(1) ? { code: 6 } : { started: false }))
    push({}, parcel(1), parcel(2))
    push({ kind: 'signal' }, signal(3, 'k'))
    await until(() => ended.size === 3)
    expect([1, 2, 3].map((n) => ended.get(n))).toEqual(['deduplicated', 'deduplicated', 'delivered'])
  })

  test('a request that cannot be made is a dead letter at once, and Temporal is not asked', async () => {
    const { temporal, push, ended, posted } = ship(() => OK)
    push({}, parcel(1, { body: '{' }), parcel(2, { call: '{' }))
    await until(() => ended.size === 2)
    for (const n of [1, 2]) expect(ended.get(n)).toMatch(/^unsendable: /)
    expect(temporal.calls).toEqual([])
    expect(posted.filter((m) => m.type === 'state' && m.temporal !== 'unknown')).toEqual([])
  })

  test('while the codec cannot encode nothing is sent and nothing is lost', async () => {
    let keys = false
    const { temporal, push, ended, posted } = ship(() => OK, {
      ...CALLER,
      encode(payload) {
        if (!keys) throw new Error('no keys')
        return payload
      },
    })
    push({}, ...starts(0, 5))
    await until(() => posted.some((m) => m.type === 'state' && m.temporal === 'unavailable'))
    expect([temporal.calls.length, ended.size]).toEqual([0, 0])
    keys = true
    await until(() => ended.size === 5)
  })
})

describe('retries', () => {
  test.each([1, 2, 4, 8, 10, 13, 14, 15])(
    'status %i is repeated until it is delivered, each event once',
    async (code) => {
      const { temporal, push, ended } = ship((_, attempt) => (attempt < 3 ? { code } : OK))
      push({}, ...starts(0, 40))
      await until(() => ended.size === 40)
      expect(outcomes(ended)).toEqual(['delivered'])
      expect(temporal.calls).toHaveLength(120)
      expect(new Set(ids(temporal.calls)).size).toBe(40)
    },
  )

  test.each([5, 7, 12, 16])('status %i parks all calls, probes slowly, and goes on when it is mended', async (code) => {
    let mended = false
    const { temporal, push, ended, told } = ship(() => (mended ? OK : { code }))
    push({}, parcel(0))
    await until(() => told.some((m) => m.type === 'flowing' && !m.flowing))
    const before = temporal.calls.length
    push({}, ...starts(1, 51))
    await until(() => temporal.calls.length > before + 1)
    expect(temporal.flight.most).toBe(1)
    mended = true
    await until(() => ended.size === 51)
    expect(told.findLast((m) => m.type === 'flowing')).toEqual({ type: 'flowing', flowing: true })
  })

  test('an event that alone is refused by its state does not hold up the others', async () => {
    let mended = false
    const { push, ended } = ship(({ workflowId }) => (workflowId.endsWith('5') && !mended ? { code: 9 } : OK))
    push({}, ...starts(0, 10))
    await until(() => ended.size === 9)
    mended = true
    await until(() => ended.size === 10)
  })

  test('a job that breaks the connection does not keep the others waiting for ever', async () => {
    const { push, ended } = ship(({ workflowId }) => (workflowId === idOf(0) ? { code: 14 } : OK))
    push({}, ...starts(0, 10))
    await until(() => ended.size === 9)
  })

  test('an answer that was late is found out by the next attempt: one effect, whatever it is called', async () => {
    const effects = new Set<string>()
    const { temporal, push, ended } = ship(({ requestId }) => {
      // The call has its effect, but its answer does not come in time.
      if (effects.has(requestId)) return requestId === idOf(1) ? { started: false } : OK
      effects.add(requestId)
      return { code: 4 }
    })
    push({}, parcel(1), parcel(2))
    await until(() => ended.size === 2)
    expect([ended.get(1), ended.get(2)]).toEqual(['deduplicated', 'delivered'])
    expect(ids(temporal.calls).toSorted()).toEqual([idOf(1), idOf(1), idOf(2), idOf(2)])
    expect(effects.size).toBe(2)
  })

  test('what is too old at its next attempt is a dead letter, but never before the first', async () => {
    const { temporal, push, ended, attempts } = ship(({ workflowId }) =>
      workflowId === idOf(2) ? OK : { code: 13, details: 'broken' },
    )
    push({ maxAgeMs: 1_000 }, parcel(1, { at: Date.now() - 5_000 }), parcel(2, { at: 0 }))
    await until(() => ended.size === 2)
    expect([ended.get(1), ended.get(2)]).toEqual(['TOO_OLD: INTERNAL: broken', 'delivered'])
    expect([attempts.get(1), temporal.calls.length]).toEqual([1, 2])
  })

  test('of a batch only the chunks that are too old leave', async () => {
    const { temporal, push, ended } = ship((_, attempt) => (attempt === 1 ? { code: 13 } : OK))
    push({ kind: 'meter', maxAgeMs: 60_000 }, chunk(1, 2, { at: Date.now() - 120_000 }), chunk(3, 2))
    // The rest is another batch, and its first attempt fails as well.
    await until(() => ended.size === 2)
    expect(ended.get(1)).toMatch(/^TOO_OLD: /)
    expect(ended.get(3)).toBe('delivered')
    expect(signalled<MeterBatch>(temporal.calls.at(-1)!).chunks).toEqual([{ id: chunk(3).id, records: 2 }])
  })
})

describe('lanes and tenants', () => {
  test('a busy key waits alone, and its signals keep their order', async () => {
    let busy = true
    const { temporal, push, ended } = ship(({ workflowId }) => (workflowId === 'audit/hot' && busy ? BUSY : OK))
    const hot = Array.from({ length: 5 }, (_, i) => signal(i, 'hot'))
    push({ kind: 'signal' }, ...hot)
    push({ kind: 'signal' }, ...Array.from({ length: 60 }, (_, i) => signal(100 + i, `calm-${i}`)))
    await until(() => ended.size === 60)
    busy = false
    await until(() => ended.size === 65)
    const order = temporal.calls.filter(({ workflowId }) => workflowId === 'audit/hot')
    expect([...new Set(ids(order))]).toEqual(hot.map(({ id }) => id))
  })

  test.each([
    ['cancel', { kind: 'cancel' }],
    ['terminate', { kind: 'terminate' }],
    ['signal', { kind: 'signal', workflowType: '' }],
  ] as const)('a %s does not overtake the start of its workflow, however often that fails', async (rpc, later) => {
    const running = new Set<string>()
    const { temporal, push, ended } = ship((call, attempt) => {
      if (call.rpc !== 'start') return running.has(call.workflowId) ? {} : { code: 5, details: 'workflow not found' }
      if (attempt < 4) return { code: 4 }
      running.add(call.workflowId)
      return OK
    })
    push({ idConflict: 'use_existing' }, parcel(1, { workflowId: 'order/1' }), parcel(2))
    push(later, parcel(3, { workflowId: 'order/1' }), parcel(4, { workflowId: idOf(2) }))
    await until(() => ended.size === 4)
    for (const workflowId of ['order/1', idOf(2)]) {
      const calls = temporal.calls.filter((one) => one.workflowId === workflowId)
      expect(calls.map((one) => one.rpc)).toEqual(['start', 'start', 'start', 'start', rpc])
    }
    expect(outcomes(ended)).toEqual(['delivered'])
  })

  test('starts of different workflows run beside each other, those of one workflow after each other', async () => {
    const { temporal, push } = ship(() => 'hang')
    push({}, ...Array.from({ length: 10 }, (_, i) => parcel(i, { workflowId: 'order/hot' })))
    push({}, ...Array.from({ length: 20 }, (_, i) => parcel(100 + i, { workflowId: `order/${i}` })))
    await until(() => temporal.calls.length === 21)
    expect(new Set(temporal.calls.map(({ workflowId }) => workflowId)).size).toBe(21)
  })

  test('a hot key takes one place of those in flight', async () => {
    const { temporal, push } = ship(() => 'hang')
    push({ kind: 'signal' }, ...Array.from({ length: 100 }, (_, i) => signal(i, 'hot')))
    push({ kind: 'signal' }, ...Array.from({ length: 20 }, (_, i) => signal(200 + i, `calm-${i}`)))
    await until(() => temporal.calls.length === 21)
    expect(new Set(temporal.calls.map(({ workflowId }) => workflowId)).size).toBe(21)
  })

  test('the events of a loud tenant do not come before those of others', async () => {
    let go = (): void => undefined
    const wait = new Promise<void>((resolve) => (go = resolve))
    const { temporal, push, ended } = ship(async () => (await wait, OK))
    push({}, ...starts(0, 500, { tenant: 'loud' }))
    push({}, ...starts(1_000, 1_020, { tenant: 'calm' }), ...starts(2_000, 2_020, { tenant: 'quiet' }))
    go()
    await until(() => ended.size === 540)
    const order = ids(temporal.calls)
    const last = Math.max(order.indexOf(idOf(1_019)), order.indexOf(idOf(2_019)))
    // 32 were in flight before the others came; then it is one of each in turn.
    expect(last).toBeLessThan(32 + 3 * 20)
  })
})

describe('batches', () => {
  const BATCH = { maxRecords: 10, maxDelayMs: 20, maxBytes: 100_000 }

  test('chunks of a key go together, up to the bounds, one batch at a time', async () => {
    const { temporal, push, ended } = ship(() => OK)
    push({ kind: 'meter', batch: BATCH }, ...Array.from({ length: 10 }, (_, i) => chunk(i * 3, 3)))
    await until(() => ended.size === 10)
    const batches = temporal.calls.map((call) => signalled<MeterBatch>(call))
    expect(batches.map(({ records }) => records.length)).toEqual([9, 9, 9, 3])
    expect(batches.flatMap(({ records }) => records.map(({ id }) => id))).toEqual(
      Array.from({ length: 30 }, (_, i) => idOf(i, 'usage')),
    )
    expect(temporal.flight.most).toBe(1)
  })

  test('a batch that is repeated is the same batch, whatever came meanwhile', async () => {
    const { temporal, push, ended } = ship((_, attempt) => (attempt < 3 ? { code: 13 } : OK))
    push({ kind: 'meter', batch: BATCH }, chunk(0, 10))
    await until(() => temporal.calls.length === 1)
    push({ kind: 'meter', batch: BATCH }, chunk(10, 10))
    await until(() => ended.size === 2)
    const attempts = ids(temporal.calls)
    expect(attempts.slice(0, 3)).toEqual(Array.from({ length: 3 }, () => attempts[0]))
    expect(new Set(attempts).size).toBe(2)
  })

  test.each([
    ['poisoned', { code: 3, details: 'bad' }, 'INVALID_ARGUMENT: bad'],
    [
      'too large for gRPC',
      { code: 8, details: 'grpc: received message larger than max (5 vs. 4)' },
      'RESOURCE_EXHAUSTED: grpc: received message larger than max (5 vs. 4)',
    ],
  ])('one chunk that is %s is the only one that ends as a dead letter', async (_, refusal, reason) => {
    const poison = chunk(39, 3)
    const has = (call: FakeCall) => signalled<MeterBatch>(call).chunks?.some(({ id }) => id === poison.id) === true
    const { temporal, push, ended } = ship((call) => (has(call) ? refusal : OK))
    push(
      { kind: 'meter', batch: { ...BATCH, maxRecords: 60 } },
      ...Array.from({ length: 40 }, (_, i) => chunk(i * 3, 3)),
    )
    await until(() => ended.size === 40)
    expect([...ended].filter(([, how]) => how !== 'delivered')).toEqual([[39, reason]])
    const delivered = temporal.calls
      .filter((call) => !has(call))
      .flatMap((call) => signalled<MeterBatch>(call).records.map(({ id }) => id))
    expect(delivered).toHaveLength(117)
    expect(delivered.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(delivered)
    expect(temporal.flight.most).toBe(1)
  })
})

describe('workflows that are not there', () => {
  const GONE = { code: 5, details: 'workflow not found for ID: w' }

  test('a signal to none is a dead letter, an ending of none has been done', async () => {
    const { push, ended } = ship(() => GONE)
    push({ kind: 'signal', workflowType: '' }, signal(1, 'k'))
    push({ kind: 'cancel' }, parcel(2, { workflowId: 'w' }))
    push({ kind: 'terminate' }, parcel(3, { workflowId: 'v' }))
    await until(() => ended.size === 3)
    expect([1, 2, 3].map((n) => ended.get(n))).toEqual([
      'NO_WORKFLOW: NOT_FOUND: workflow not found for ID: w',
      'delivered',
      'delivered',
    ])
  })

  test('an ending is for the workflow that ran when it was first asked for, at each attempt', async () => {
    const { temporal, push, ended } = ship((_, attempt) => {
      temporal.firstRuns.set('w', 'a later one').set('v', 'a later one')
      return attempt < 3 ? { code: 4 } : OK
    })
    push({ kind: 'cancel' }, parcel(1, { workflowId: 'w' }))
    push({ kind: 'terminate' }, parcel(2, { workflowId: 'v' }))
    await until(() => ended.size === 2)
    const named = temporal.calls.map(
      ({ workflowId, request }) => `${workflowId}: ${String(request['firstExecutionRunId'])}`,
    )
    expect(named.filter((one) => one === 'w: first run of w')).toHaveLength(3)
    expect(named.filter((one) => one === 'v: first run of v')).toHaveLength(3)
    expect(temporal.looks).toEqual(['w', 'v'])
  })

  test('where no workflow runs there is nothing to end, and no call is made', async () => {
    const { temporal, push, ended } = ship(() => OK)
    temporal.firstRuns.set('w', 5)
    push({ kind: 'terminate' }, parcel(1, { workflowId: 'w' }))
    await until(() => ended.get(1) === 'delivered')
    expect(temporal.calls).toEqual([])
  })

  test.each([7, 12])('an ending is made also where nobody may look for its workflow: status %i', async (code) => {
    const { temporal, push, ended } = ship(() => OK)
    temporal.firstRuns.set('w', code)
    push({ kind: 'terminate' }, parcel(1, { workflowId: 'w' }))
    await until(() => ended.get(1) === 'delivered')
    expect(temporal.calls.map(({ request }) => request['firstExecutionRunId'])).toEqual([undefined])
  })

  test('a look that fails is tried again, and so is its ending', async () => {
    const { temporal, push, ended, log } = ship(() => OK)
    temporal.firstRuns.set('w', 14)
    push({ kind: 'cancel' }, parcel(1, { workflowId: 'w' }))
    await until(() => log.at('error').length > 0)
    temporal.firstRuns.delete('w')
    await until(() => ended.get(1) === 'delivered')
    expect(temporal.calls.map(({ request }) => request['firstExecutionRunId'])).toEqual(['first run of w'])
  })

  test('a delayed start is not cut short by the next signal', async () => {
    const running = new Set<string>()
    const { temporal, push, ended, counters } = ship(({ rpc, workflowId }) => {
      if (rpc === 'signal') return running.has(workflowId) ? {} : GONE
      running.add(workflowId)
      return OK
    })
    const call = JSON.stringify({ startDelayMs: 5_000 } satisfies CallOptions)
    push({ kind: 'signal' }, signal(1, 'k', { call }), signal(2, 'k', { call }))
    await until(() => ended.size === 2)
    expect(temporal.calls.map(({ rpc }) => rpc)).toEqual(['signal', 'signalWithStart', 'signal'])
    expect(outcomes(ended)).toEqual(['delivered'])
    expect(counters.get(counters.row('audit'), SLOT.actions)).toBe(3)
  })
})
