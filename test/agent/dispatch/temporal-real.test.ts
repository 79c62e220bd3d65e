import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createDispatcher, type Dispatcher } from '../../../agent/dispatch/dispatcher.ts'
import type { EdgeEvent, MeterBatch } from '../../../agent/messages.ts'
import { command, recordedLog } from './support/commands.ts'
import { expectConserved } from './support/conservation.ts'
import { settled } from './support/dispatchers.ts'
import { histories } from './support/histories.ts'
import { reservePort } from '../../../agent/dev/ports.ts'
import { testTemporal, type TestTemporal } from '../../support/temporal.ts'
import { tempFolder } from '../../support/folder.ts'
import { until } from './support/wait.ts'

function dispatcherAt(address: string, path: string): Dispatcher {
  const dispatcher = createDispatcher({
    temporal: { address, namespace: 'default' },
    outbox: { path },
    rules: ['orders', 'audit', 'usage'],
    log: recordedLog(),
  })
  onTestFinished(() => dispatcher.drain(0))
  return dispatcher
}

const ids = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => command(from + i).workflowId)

/** A server that ends with its test. */
async function serverIn(folder: string): Promise<TestTemporal> {
  const server = await testTemporal(folder)
  onTestFinished(() => server.stop())
  return server
}

describe('against a real Temporal server', { timeout: 120_000 }, () => {
  test('starts, signals and batches arrive once, with the identity of the caller', async () => {
    const folder = tempFolder()
    const server = await serverIn(folder)
    await server.start()
    const dispatcher = dispatcherAt(server.address, join(folder, 'outbox.db'))
    await dispatcher.start()
    const commands = [
      ...Array.from({ length: 5 }, (_, i) => command(i, { delivery: 'durable' })),
      ...Array.from({ length: 6 }, (_, i) => command(i, { rule: 'audit', kind: 'signal', delivery: 'durable' })),
      ...Array.from({ length: 25 }, (_, i) =>
        command(i, { rule: 'usage', kind: 'meter', batch: { maxRecords: 10, maxDelayMs: 50, maxBytes: 262_144 } }),
      ),
    ]
    for (const each of [...commands, ...commands]) dispatcher.dispatch(each)
    await until(settled(dispatcher))
    expectConserved(dispatcher)
    expect(dispatcher.counters().total).toMatchObject({ received: 72, delivered: 36, deduplicated: 36 })
    await dispatcher.drain(5_000)

    // A process that remembers nothing: only Temporal recognises the events now.
    const forgetful = dispatcherAt(server.address, join(folder, 'other.db'))
    await forgetful.start()
    for (const each of commands.slice(0, 11)) forgetful.dispatch(each)
    await until(settled(forgetful))
    // The server answers a known request id as it did the first time, so the answer does not show the repetition.
    expect(forgetful.counters().total).toMatchObject({ received: 11, delivered: 11 })
    expectConserved(forgetful)

    const seen = await histories(server.address)
    const [first] = commands
    const event = first?.body as EdgeEvent
    const { actor } = event
    expect(await seen.started('orders/000000000000')).toEqual({ input: event, header: actor, memo: actor })
    expect(await seen.started('usage/acme')).toMatchObject({ input: { rule: 'usage', key: 'acme' } })
    const signals = await seen.signals<EdgeEvent>('audit/acme', 'event')
    expect(signals.map((event) => event.id)).toEqual(commands.slice(5, 11).map((c) => c.id))
    const batches = await seen.signals<MeterBatch>('usage/acme', 'batch')
    expect(batches.map((batch) => batch.records.length)).toEqual([10, 10, 5])
    expect(batches.flatMap((batch) => batch.records.map((r) => r.id))).toEqual(commands.slice(11).map((c) => c.id))
    expect(batches[0]?.records[0]).toMatchObject({ method: 'POST', path: '/orders', subject: 'user-7' })
    await until(async () => (await seen.workflowIds()).length === 7)
  })

  test('a server that is absent at start, and goes and comes back, gets every event once', async () => {
    const folder = tempFolder()
    const server = await serverIn(folder)
    const dispatcher = dispatcherAt(server.address, join(folder, 'outbox.db'))
    await dispatcher.start()
    for (let i = 0; i < 20; i++) dispatcher.dispatch(command(i, { delivery: i % 2 ? 'memory' : 'durable' }))
    await until(() => dispatcher.state().temporal === 'unavailable')
    expectConserved(dispatcher)
    await server.start()
    await until(settled(dispatcher))

    // Stopped under way: some calls are cut with their outcome unknown.
    for (let i = 20; i < 60; i++) dispatcher.dispatch(command(i, { delivery: i % 2 ? 'memory' : 'durable' }))
    await until(() => dispatcher.counters().total.delivered > 22)
    await server.stop()
    for (let i = 60; i < 70; i++) dispatcher.dispatch(command(i))
    expectConserved(dispatcher)
    await server.start()
    await until(settled(dispatcher))
    const { received, delivered, deduplicated } = dispatcher.counters().total
    expect([received, delivered + deduplicated]).toEqual([70, 70])
    expectConserved(dispatcher)
    const seen = await histories(server.address)
    await until(async () => (await seen.workflowIds()).length >= 70)
    expect((await seen.workflowIds()).toSorted()).toEqual(ids(0, 70))
  })

  test.each(['start', 'meter'] as const)(
    'kill -9 with durable events pending loses and doubles none (%s)',
    async (kind) => {
      const folder = tempFolder()
      const path = join(folder, 'outbox.db')
      const server = await serverIn(folder)
      await server.start()
      const nobody = `127.0.0.1:${await reservePort()}`
      let safe = 0
      safe += await killedMidway([path, server.address, '1000', kind], (report) => report.delivered > 10)
      // Killed again while it delivers what the first left behind.
      safe += await killedMidway([path, server.address, '2000', kind], (report) => report.delivered > 10)
      safe += await killedMidway([path, nobody, '3000', kind], (report) => report.safe > 10)
      const dispatcher = dispatcherAt(server.address, path)
      await dispatcher.start()
      expect(dispatcher.counters().recovered).toBeGreaterThan(10)
      await until(settled(dispatcher))
      expectConserved(dispatcher)

      const seen = await histories(server.address)
      if (kind === 'start') {
        await until(async () => (await seen.workflowIds()).length >= safe)
        expectWithoutGaps(
          (await seen.workflowIds()).map((id) => id.slice('orders/'.length)),
          safe,
        )
      } else {
        const batches = await seen.signals<MeterBatch>('usage/acme', 'batch')
        const records = batches.flatMap((batch) => batch.records.map((record) => record.id))
        // Batches are cut anew after a crash, so a record may come twice: by its id the workflow counts it once.
        expectWithoutGaps(
          [...new Set(records)].map((id) => id.slice('usage/'.length)),
          safe,
        )
      }
    },
  )
})

/** Every round's events must run from its first number without a gap, and be at least as many as were reported safe. */
function expectWithoutGaps(hexIds: string[], safe: number): void {
  const numbers = hexIds.map((hex) => Number.parseInt(hex, 16)).toSorted((a, b) => a - b)
  expect(new Set(numbers).size).toBe(numbers.length)
  expect(numbers.length).toBeGreaterThanOrEqual(safe)
  for (const n of numbers) if (n % 1_000 !== 0) expect(numbers).toContain(n - 1)
}

interface Report {
  safe: number
  delivered: number
}

/** Runs the small agent until its report is as wanted, then kills it. Returns how many events were surely on disk. */
async function killedMidway(args: string[], wanted: (report: Report) => boolean): Promise<number> {
  const script = join(import.meta.dirname, 'support/pending-process.ts')
  const child = spawn(process.execPath, ['--conditions=node-spoe-source', script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let rest = ''
  let last: Report = { safe: 0, delivered: 0 }
  const gone = new Promise((resolve) => child.once('close', resolve))
  child.stdout.on('data', (bytes) => {
    const lines = (rest + String(bytes)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) last = JSON.parse(line) as Report
    if (wanted(last)) child.kill('SIGKILL')
  })
  await gone
  return last.safe
}
