import { expect, onTestFinished, test, vi } from 'vitest'
import { BATCH_LIMITS, Batcher } from '../../../agent/dispatch/batcher.ts'
import { connect } from '../../../agent/dispatch/connection.ts'
import { Gate } from '../../../agent/dispatch/gate.ts'
import { jobOf, type Job } from '../../../agent/dispatch/job.ts'
import { JobQueue } from '../../../agent/dispatch/queue.ts'
import { Shipper } from '../../../agent/dispatch/shipper.ts'
import type { MeterBatch } from '../../../agent/messages.ts'
import { entry } from './support/commands.ts'
import { stubService, type StubAnswer, type StubCall } from './support/stub-service.ts'
import { until } from './support/wait.ts'

// Real threads, disks and sockets: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 60_000 })

const OK: StubAnswer = { started: true }
const WAITS = { failed: [5, 20], timeout: [5, 20], busy: [30, 60], parked: [20, 40] } as const
const PAUSES = { unavailable: [10, 40], throttled: [10, 40], parked: [30, 30] } as const

/** A shipper against a stub, with short waits; `ended` lists event ids with how they ended. */
async function ship(
  answer: (call: StubCall, attempt: number) => StubAnswer | Promise<StubAnswer>,
  deadlineMs?: number,
) {
  const stub = await stubService(answer)
  const calls = connect({ address: stub.address, namespace: 'edge' }, deadlineMs)
  onTestFinished(() => calls.close())
  const ended = new Map<string, string>()
  const queue = new JobQueue()
  const gate = new Gate(PAUSES)
  const shipper = new Shipper({
    queue,
    calls,
    caller: { namespace: 'edge', identity: 'test' },
    gate,
    waits: WAITS,
    settle: ({ command }, outcome) => ended.set(command.event.id, outcome),
    deadLetter: ({ command }, reason) => ended.set(command.event.id, reason),
    attempted: () => undefined,
    observe: () => undefined,
  })
  onTestFinished(() => shipper.stop())
  const push = (...jobs: Job[]): void => {
    for (const job of jobs) queue.push(job)
    shipper.pump()
  }
  return { stub, ended, push, gate, shipper, queue }
}

const start = (n: number): Job => jobOf(entry(n))
const signal = (n: number, key: string): Job => jobOf(entry(n, { kind: 'signal', rule: 'audit', key }))

test('no more than 32 calls are in flight', async () => {
  let answerAll = (): void => undefined
  const wait = new Promise<void>((resolve) => (answerAll = resolve))
  const { stub, ended, push } = await ship(async () => (await wait, OK))
  push(...Array.from({ length: 100 }, (_, i) => start(i)))
  await until(() => stub.flight.now === 32)
  answerAll()
  await until(() => ended.size === 100)
  expect(stub.flight.most).toBe(32)
})

test('a hung call is cut at its deadline and repeated with the same request id', async () => {
  const { stub, ended, push } = await ship((_, attempt) => (attempt === 1 ? 'hang' : OK), 200)
  push(start(1))
  await until(() => ended.size === 1)
  expect(stub.calls.map((call) => call.requestId)).toEqual(['orders/000000000001', 'orders/000000000001'])
})

test.each([1, 2, 4, 8, 10, 13, 14, 15])(
  'status %i is repeated until it is delivered, each event once',
  async (code) => {
    const { stub, ended, push } = await ship((_, attempt) => (attempt < 3 ? { code } : OK))
    push(...Array.from({ length: 40 }, (_, i) => start(i)))
    await until(() => ended.size === 40)
    expect([...ended.values()].every((outcome) => outcome === 'delivered')).toBe(true)
    expect(stub.calls).toHaveLength(120)
  },
)

test.each([5, 7, 12, 16])('status %i parks all calls, probes slowly, and goes on when it is mended', async (code) => {
  let mended = false
  const { stub, ended, push, gate } = await ship(() => (mended ? OK : { code }))
  push(start(0))
  await until(() => gate.cause === 'parked')
  const before = stub.calls.length
  push(...Array.from({ length: 50 }, (_, i) => start(i + 1)))
  await until(() => stub.calls.length > before + 1)
  expect(stub.flight.most).toBe(1)
  mended = true
  await until(() => ended.size === 51)
  expect(gate.cause).toBeUndefined()
})

test('an event that alone is refused by its state does not hold up the others', async () => {
  let mended = false
  const { ended, push } = await ship((call) => (call.workflowId.endsWith('5') && !mended ? { code: 9 } : OK))
  push(...Array.from({ length: 10 }, (_, i) => start(i)))
  await until(() => ended.size === 9)
  mended = true
  await until(() => ended.size === 10)
})

test('a busy key waits alone, and its signals keep their order', async () => {
  let busy = true
  const { stub, ended, push } = await ship((call) =>
    call.workflowId === 'audit/hot' && busy ? { code: 8, cause: 5 } : OK,
  )
  push(...Array.from({ length: 5 }, (_, i) => signal(i, 'hot')))
  push(...Array.from({ length: 60 }, (_, i) => signal(100 + i, `calm-${i}`)))
  await until(() => ended.size === 60)
  busy = false
  await until(() => ended.size === 65)
  const hot = stub.calls.filter((call) => call.workflowId === 'audit/hot').map((call) => call.requestId)
  expect([...new Set(hot)]).toEqual(Array.from({ length: 5 }, (_, i) => `audit/${i.toString(16).padStart(12, '0')}`))
})

test('a job that breaks the connection does not keep the others waiting for ever', async () => {
  const { ended, push } = await ship((call) => (call.workflowId.endsWith('00') ? { code: 14 } : OK))
  push(...Array.from({ length: 10 }, (_, i) => start(i)))
  await until(() => ended.size === 9)
})

test('a duplicate and an existing workflow count as deduplicated', async () => {
  const { ended, push } = await ship((call) => (call.workflowId.endsWith('1') ? { code: 6 } : { started: false }))
  push(start(1), start(2), signal(3, 'k'))
  await until(() => ended.size === 3)
  expect([...ended.values()].toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
    'deduplicated',
    'deduplicated',
    'delivered',
  ])
})

test('one poisoned record of a batch is the only one that ends as a dead letter', async () => {
  const idsOf = (call: StubCall): string[] =>
    (JSON.parse(call.signalInput ?? '{}') as MeterBatch).records.map((record) => record.id)
  const poison = entry(13, { kind: 'meter', rule: 'usage', key: 'k' }).command.event.id
  const { stub, ended, push } = await ship((call) => (idsOf(call).includes(poison) ? { code: 3, details: 'bad' } : OK))
  const batcher = new Batcher({ ...BATCH_LIMITS, maxRecords: 50 }, (job) => push(job))
  for (let i = 0; i < 100; i++) batcher.add(entry(i, { kind: 'meter', rule: 'usage', key: 'k' }), 0)
  await until(() => ended.size === 100)
  expect([...ended].filter(([, outcome]) => outcome !== 'delivered')).toEqual([[poison, 'INVALID_ARGUMENT: bad']])
  const delivered = stub.calls
    .map(idsOf)
    .filter((ids) => !ids.includes(poison))
    .flat()
  expect(delivered).toHaveLength(99)
  expect(delivered.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(delivered)
  expect(stub.flight.most).toBe(1)
})
