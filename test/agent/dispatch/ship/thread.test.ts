import { MessageChannel, Worker } from 'node:worker_threads'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Counters, GLOBAL, SLOT } from '../../../../agent/dispatch/counters.ts'
import type { ToShip, ToStore } from '../../../../agent/dispatch/parcel.ts'
import type { FromThread, ShipOptions } from '../../../../agent/dispatch/protocol.ts'
import { stubService, type Stub, type StubAnswer, type StubCall } from '../support/stub-service.ts'
import { until } from '../support/wait.ts'
import { actionOf, chunk, idOf, parcel } from './support/parcels.ts'
import type { MeterBatch } from '../../../../agent/messages.ts'

// A real thread and real sockets: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 60_000 })

const OK: StubAnswer = { started: true }

/** The ship thread against a stub; the test is the store thread. */
async function thread(answer: (call: StubCall, attempt: number) => StubAnswer) {
  const stub: Stub = await stubService(answer)
  const counters = new Counters(['orders'])
  const { port1: peer, port2 } = new MessageChannel()
  const workerData: ShipOptions = {
    rules: ['orders'],
    shared: counters.shared,
    peer: port2,
    temporal: { address: stub.address, namespace: 'edge', identity: 'test' },
  }
  const entry = new URL('../../../../agent/dispatch/ship/thread.ts', import.meta.url)
  const worker = new Worker(entry, { workerData, transferList: [port2] })
  const ended = new Promise<number>((resolve) => worker.once('exit', resolve))
  // As when the store thread dies: it stops, and ends by itself.
  onTestFinished(async () => {
    peer.close()
    expect(await ended).toBe(0)
  })
  const told: ToStore[] = []
  const posted: FromThread[] = []
  peer.on('message', (message: ToStore) => told.push(message))
  worker.on('message', (message: FromThread) => posted.push(message))
  const settled = (): number[] => told.flatMap((m) => (m.type === 'settled' ? [...m.handles] : []))
  const say = (message: ToShip): void => peer.postMessage(message)
  await until(() => posted.some(({ type }) => type === 'ready'))
  return { stub, counters, told, posted, settled, say, ended }
}

test('parcels are delivered and settled, and counted in the shared memory', async () => {
  const { stub, counters, say, settled, posted } = await thread(() => OK)
  counters.addRules(['audit', 'usage'])
  say({ type: 'rules', names: counters.names })
  say({
    type: 'actions',
    first: 0,
    actions: [
      actionOf(),
      actionOf({ kind: 'signal' }),
      actionOf({ kind: 'signal', workflowType: '' }),
      actionOf({ kind: 'meter' }),
      actionOf({ kind: 'cancel' }),
      actionOf({ kind: 'terminate' }),
    ],
  })
  say({
    type: 'parcels',
    parcels: [
      parcel(1),
      parcel(2, { action: 1, workflowId: 'audit/a' }),
      parcel(3, { action: 2, workflowId: 'audit/b' }),
      chunk(4, 2, { action: 3, at: 0 }),
      chunk(6, 1, { action: 3, at: 0 }),
      parcel(7, { action: 4, workflowId: 'w' }),
      parcel(8, { action: 5, workflowId: 'v' }),
    ],
  })
  await until(() => settled().length === 7)
  expect(
    stub.calls.map(({ method, workflowId, namespace }) => `${method} ${workflowId} in ${String(namespace)}`),
  ).toEqual(
    expect.arrayContaining([
      `start ${idOf(1)} in edge`,
      'signalWithStart audit/a in edge',
      'signal audit/b in edge',
      'signalWithStart usage/acme in edge',
      'cancel w in edge',
      'terminate v in edge',
    ]),
  )
  const batch = stub.calls.find(({ workflowId }) => workflowId === 'usage/acme')
  expect((JSON.parse(batch?.signalInput ?? '') as MeterBatch).records).toHaveLength(3)
  expect(counters.getGlobal(GLOBAL.calls)).toBe(6)
  const actions = (rule: string): number => counters.get(counters.row(rule), SLOT.actions)
  expect([actions('orders'), actions('audit'), actions('usage')]).toEqual([1, 3, 2])
  expect(posted).toContainEqual({ type: 'state', temporal: 'connected', lastError: undefined })
})

test('in a hurry batches go out at once, and a stop is answered and ends the thread', async () => {
  const { say, settled, told, ended } = await thread(({ requestId }) => (requestId === idOf(9) ? 'hang' : OK))
  const batch = { maxRecords: 1_000, maxDelayMs: 3_600_000, maxBytes: 100_000 }
  say({ type: 'actions', first: 0, actions: [actionOf(), actionOf({ kind: 'meter', batch })] })
  say({ type: 'parcels', parcels: [parcel(9), chunk(1, 1, { action: 1 })] })
  say({ type: 'hurry' })
  await until(() => settled().length === 1)
  say({ type: 'stop' })
  await until(() => told.some(({ type }) => type === 'stopped'))
  expect(told.at(-1)).toEqual({ type: 'stopped', inFlight: 1 })
  expect(await ended).toBe(0)
})

test('a chunk that gRPC does not carry is found among the others, and is the only one to die', async () => {
  const { say, settled, told } = await thread(() => OK)
  const maxBytes = 100_000_000
  say({
    type: 'actions',
    first: 0,
    actions: [actionOf({ kind: 'meter', batch: { maxRecords: 1_000, maxDelayMs: 0, maxBytes } })],
  })
  const large = chunk(3, 1, { body: JSON.stringify({ id: 'x'.repeat(5_000_000) }) })
  say({ type: 'parcels', parcels: [chunk(1), chunk(2), large, chunk(4)] })
  await until(() => settled().length === 3 && told.some(({ type }) => type === 'dead'))
  const letters = told.flatMap((m) => (m.type === 'dead' ? m.letters : []))
  expect(letters.map(({ parcel: { handle } }) => handle)).toEqual([3])
  expect(letters[0]?.reason).toMatch(/^RESOURCE_EXHAUSTED: .*larger than max/i)
})
