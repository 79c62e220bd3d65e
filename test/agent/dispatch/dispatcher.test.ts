import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createDispatcher, type Dispatcher, type DispatcherOptions } from '../../../agent/dispatch/dispatcher.ts'
import { command, recordedLog } from './support/commands.ts'
import { expectConserved } from './support/conservation.ts'
import { stubService } from './support/stub-service.ts'
import { tempFolder } from '../../support/folder.ts'
import { reservePort } from '../../../agent/dev/ports.ts'
import { until } from './support/wait.ts'

// Real threads, disks and sockets: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 60_000 })

const OK = { started: true } as const

interface Setup {
  address: string
  folder?: string
  over?: Partial<DispatcherOptions>
  entry?: URL
}

function make({ address, folder = tempFolder(), over, entry }: Setup): {
  dispatcher: Dispatcher
  log: ReturnType<typeof recordedLog>
  path: string
} {
  const log = recordedLog()
  const path = join(folder, 'outbox.db')
  const options: DispatcherOptions = {
    temporal: { address, namespace: 'edge' },
    outbox: { path },
    rules: ['orders', 'audit', 'usage'],
    log,
    ...over,
  }
  const dispatcher = createDispatcher(options, entry)
  onTestFinished(() => dispatcher.drain(0))
  return { dispatcher, log, path }
}

const settled = (dispatcher: Dispatcher) => () => dispatcher.counters().total.pending === 0

test('a command becomes one call in the right namespace, and the same command again none', async () => {
  const stub = await stubService(() => OK)
  const { dispatcher } = make({ address: stub.address })
  await dispatcher.start()
  for (let i = 0; i < 3; i++) expect(dispatcher.dispatch(command(1))).toBe(true)
  expect(dispatcher.dispatch(command(2, { delivery: 'durable' }))).toBe(true)
  expect(dispatcher.dispatch(command(2, { delivery: 'durable' }))).toBe(true)
  await until(settled(dispatcher))
  expect(stub.calls.map((c) => `${c.method} ${c.requestId} in ${String(c.namespace)}`).toSorted()).toEqual([
    'start orders/000000000001 in edge',
    'start orders/000000000002 in edge',
  ])
  expect(dispatcher.counters().rules['orders']).toMatchObject({ received: 5, delivered: 2, deduplicated: 3 })
  expect(dispatcher.state()).toMatchObject({ temporal: 'connected', outboxRows: 0 })
  expectConserved(dispatcher)
})

test('commands given before start wait for it', async () => {
  const stub = await stubService(() => OK)
  const { dispatcher } = make({ address: stub.address })
  dispatcher.dispatch(command(1))
  expect(dispatcher.counters().total.pending).toBe(1)
  await dispatcher.start()
  await until(settled(dispatcher))
  expect(stub.calls).toHaveLength(1)
})

test('beyond the bound events are shed and counted, and there is room again when events are settled', async () => {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  const stub = await stubService(async () => (await opened, OK))
  const { dispatcher } = make({ address: stub.address, over: { queue: { maxEvents: 10 } } })
  await dispatcher.start()
  const taken = Array.from({ length: 25 }, (_, i) => dispatcher.dispatch(command(i)))
  expect(taken.filter(Boolean)).toHaveLength(10)
  expect(dispatcher.counters().rules['orders']).toMatchObject({ received: 25, shed: 15, pending: 10 })
  expectConserved(dispatcher)
  open()
  await until(settled(dispatcher))
  expect(dispatcher.dispatch(command(99))).toBe(true)
  await until(settled(dispatcher))
  expect(dispatcher.counters().rules['orders']).toMatchObject({ delivered: 11, shed: 15 })
  expectConserved(dispatcher)
})

test('a full outbox sheds durable events and takes them again when it has room', async () => {
  const port = await reservePort()
  const { dispatcher } = make({
    address: `127.0.0.1:${port}`,
    over: { outbox: { path: join(tempFolder(), 'o.db'), maxRows: 5 } },
  })
  await dispatcher.start()
  for (let i = 0; i < 8; i++) dispatcher.dispatch(command(i, { delivery: 'durable' }))
  await until(() => dispatcher.state().outboxRows === 5)
  expect(dispatcher.dispatch(command(7, { delivery: 'durable' }))).toBe(false)
  await until(() => dispatcher.counters().total.shed === 4)
  expectConserved(dispatcher)
  await stubService(() => OK, port)
  await until(settled(dispatcher))
  // Shed before, so it is no duplicate now.
  expect(dispatcher.dispatch(command(7, { delivery: 'durable' }))).toBe(true)
  await until(settled(dispatcher))
  expect(dispatcher.counters().total).toMatchObject({ received: 10, delivered: 6, shed: 4, deduplicated: 0 })
  expectConserved(dispatcher)
})

test('an absent server is probed, not hammered, and gets everything in order when it comes', async () => {
  const port = await reservePort()
  const { dispatcher, log } = make({ address: `127.0.0.1:${port}` })
  await dispatcher.start()
  for (let i = 0; i < 200; i++) dispatcher.dispatch(command(i, { delivery: i % 2 ? 'durable' : 'memory' }))
  await until(() => dispatcher.state().temporal === 'unavailable' && dispatcher.state().oldestPendingMs !== undefined)
  const { calls } = dispatcher.counters()
  expect(calls).toBeLessThan(50)
  expect(dispatcher.state().lastError).toMatch(/^UNAVAILABLE/)
  expectConserved(dispatcher)
  const stub = await stubService(() => OK, port)
  await until(settled(dispatcher))
  expect(new Set(stub.calls.map((c) => c.requestId)).size).toBe(200)
  expect(dispatcher.counters().total.delivered).toBe(200)
  expect(log.at('error')).toEqual(['Temporal does not answer: events wait and are delivered when it does'])
  expect(log.at('info')).toEqual(['Temporal takes events'])
  expectConserved(dispatcher)
})

test('what was pending in the outbox is delivered by the next dispatcher, once', async () => {
  const folder = tempFolder()
  const first = make({ address: `127.0.0.1:${await reservePort()}`, folder })
  await first.dispatcher.start()
  for (let i = 0; i < 50; i++) first.dispatcher.dispatch(command(i, { delivery: 'durable' }))
  for (let i = 50; i < 60; i++) first.dispatcher.dispatch(command(i))
  await until(() => first.dispatcher.state().outboxRows === 50)
  await first.dispatcher.drain(50)
  expect(first.dispatcher.counters().total).toMatchObject({ received: 60, shed: 10, pending: 50 })
  expect(first.log.at('error')).toContain('stopped before all events in memory were delivered: those are lost')
  expect(first.log.at('warn')).toContain('stopped with events in the outbox: the next start delivers them')
  expectConserved(first.dispatcher)

  const stub = await stubService(() => OK)
  const second = make({ address: stub.address, folder })
  await second.dispatcher.start()
  second.dispatcher.dispatch(command(3, { delivery: 'durable' }))
  await until(settled(second.dispatcher))
  expect(stub.calls).toHaveLength(50)
  expect(second.dispatcher.counters()).toMatchObject({
    recovered: 50,
    total: { received: 51, delivered: 50, deduplicated: 1 },
  })
  expectConserved(second.dispatcher)
})

test('a drained dispatcher has delivered open batches and sheds what comes later', async () => {
  const stub = await stubService(() => OK)
  const { dispatcher, log } = make({ address: stub.address, over: { meter: { maxDelayMs: 60_000 } } })
  await dispatcher.start()
  for (let i = 0; i < 7; i++) dispatcher.dispatch(command(i, { rule: 'usage', kind: 'meter' }))
  await dispatcher.drain(10_000)
  expect(stub.calls).toHaveLength(1)
  expect(log.lines.map((line) => line.message)).toEqual(['Temporal takes events'])
  expect(dispatcher.dispatch(command(8))).toBe(false)
  expect(dispatcher.counters().total).toMatchObject({ received: 8, delivered: 7, shed: 1, pending: 0 })
  expectConserved(dispatcher)
})

test('refused events end in the dead letters: kept when durable, counted when not', async () => {
  const stub = await stubService(() => ({ code: 3, details: 'blob too large' }))
  const { dispatcher, log, path } = make({ address: stub.address })
  await dispatcher.start()
  dispatcher.dispatch(command(1, { delivery: 'durable' }))
  dispatcher.dispatch(command(2))
  await until(settled(dispatcher))
  expect(dispatcher.counters().total).toMatchObject({ deadLettered: 2, pending: 0 })
  expect(log.at('error')).toHaveLength(2)
  await dispatcher.drain(1_000)
  const db = new DatabaseSync(path)
  expect(db.prepare('SELECT id, reason, attempts FROM dead_letters').all()).toMatchObject([
    { id: 'orders/000000000001', reason: 'INVALID_ARGUMENT: blob too large', attempts: 1 },
  ])
  db.close()
  expectConserved(dispatcher)
})

test('a damaged outbox is set aside and the agent goes on', async () => {
  const { mkdirSync, readdirSync, writeFileSync } = await import('node:fs')
  const folder = tempFolder()
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'outbox.db'), 'this is not a database, but somebody wrote it there '.repeat(100))
  const stub = await stubService(() => OK)
  const { dispatcher, log } = make({ address: stub.address, folder })
  await dispatcher.start()
  dispatcher.dispatch(command(1, { delivery: 'durable' }))
  await until(settled(dispatcher))
  expect(log.at('error')).toEqual(['the outbox cannot be used: set aside, a new one is begun'])
  expect(readdirSync(folder).filter((name) => name.includes('.aside-'))).toHaveLength(1)
  expect(dispatcher.counters()).toMatchObject({ unstored: 0, total: { delivered: 1 } })
})

test('an outbox that another agent holds is waited for, durable events stay in memory meanwhile', async () => {
  const folder = tempFolder()
  const stub = await stubService(() => OK)
  const holder = make({ address: stub.address, folder })
  await holder.dispatcher.start()
  const { dispatcher, log } = make({ address: stub.address, folder })
  await dispatcher.start()
  dispatcher.dispatch(command(1, { delivery: 'durable' }))
  await until(settled(dispatcher))
  expect(log.lines[0]).toMatchObject({ level: 'error', fields: { code: 'DISPATCH_OUTBOX_LOCKED' } })
  expect(dispatcher.counters()).toMatchObject({ unstored: 1, total: { delivered: 1 } })
  await holder.dispatcher.drain(1_000)
  await until(() => log.at('info').includes('the outbox is open'))
  expectConserved(dispatcher)
})

test('a missing TLS file fails the start with a table error', async () => {
  const temporal = { address: '127.0.0.1:1', namespace: 'edge', tls: { caFile: '/nowhere/ca.pem' } }
  const { dispatcher } = make({ address: '', over: { temporal } })
  await expect(dispatcher.start()).rejects.toMatchObject({ code: 'DISPATCH_THREAD_FAILED' })
})

test('a thread that dies is started again, its memory counted as shed and its outbox delivered', async () => {
  const stub = await stubService(() => OK)
  const entry = new URL('./support/crashing-thread.ts', import.meta.url)
  const { dispatcher, log } = make({ address: stub.address, entry })
  await dispatcher.start()
  dispatcher.dispatch(command(1, { delivery: 'durable' }))
  dispatcher.dispatch(command(2))
  await until(() => log.at('error').some((m) => m.startsWith('the dispatcher thread died')))
  expectConserved(dispatcher)
  dispatcher.dispatch(command(3))
  await until(settled(dispatcher))
  expect(stub.calls.map((c) => c.requestId).toSorted()).toEqual(['orders/000000000001', 'orders/000000000003'])
  expect(dispatcher.counters().total).toMatchObject({ received: 3, delivered: 2, shed: 1, pending: 0 })
  expectConserved(dispatcher)
})

test('a command that cannot be copied to the thread is shed, its neighbours are delivered', async () => {
  const stub = await stubService(() => OK)
  const { dispatcher, log } = make({ address: stub.address })
  await dispatcher.start()
  const broken = command(2)
  const vars = { plan: (() => 'gold') as unknown as string }
  for (const each of [command(1), { ...broken, event: { ...broken.event, vars } }, command(3)])
    dispatcher.dispatch(each)
  await until(settled(dispatcher))
  expect(dispatcher.counters().total).toMatchObject({ received: 3, delivered: 2, shed: 1 })
  expect(log.at('error')).toEqual(['an event holds what cannot leave its thread: shed'])
  expectConserved(dispatcher)
})

test('events of rules that the configuration does not know are counted under a name of their own', async () => {
  const stub = await stubService(() => OK)
  const { dispatcher } = make({ address: stub.address })
  await dispatcher.start()
  dispatcher.dispatch(command(1, { rule: 'gone' }))
  await until(settled(dispatcher))
  expect(dispatcher.counters().rules['(other)']).toMatchObject({ received: 1, delivered: 1 })
})
