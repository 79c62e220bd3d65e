import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test, vi } from 'vitest'
import { BATCH_LIMITS } from '../../../agent/dispatch/store/incoming.ts'
import type { MeterBatch } from '../../../agent/messages.ts'
import { command } from './support/commands.ts'
import { expectConserved } from './support/conservation.ts'
import { stubService } from './support/stub-service.ts'
import { tempFolder } from '../../support/folder.ts'
import { reservePort } from '../../../agent/dev/ports.ts'
import { make, OK, settled } from './support/dispatchers.ts'
import { until } from './support/wait.ts'

// Real threads, disks and sockets: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 60_000 })

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

test('what is left out keeps the law, by the reason for it', async () => {
  const stub = await stubService(() => OK)
  const { dispatcher } = make({ address: stub.address })
  await dispatcher.start()
  dispatcher.leaveOut('orders', 'sampledOut')
  dispatcher.leaveOut('orders', 'windowed')
  dispatcher.leaveOut('orders', 'windowed')
  dispatcher.dispatch(command(1))
  await until(settled(dispatcher))
  expect(dispatcher.counters().rules['orders']).toMatchObject({ received: 4, delivered: 1, sampledOut: 1, windowed: 2 })
  expect(dispatcher.spent('orders')).toMatchObject({ requests: 4, settled: 1 })
  expectConserved(dispatcher)
})

test('a rule that Temporal refuses alone is named in the state, while the others go on', async () => {
  let mended = false
  const stub = await stubService(({ method }) => (method === 'terminate' && !mended ? { code: 7 } : OK))
  const { dispatcher } = make({ address: stub.address })
  await dispatcher.start()
  dispatcher.dispatch(command(1, { rule: 'audit', kind: 'terminate', delivery: 'durable' }))
  let sent = 0
  while (!dispatcher.state().deniedRules.includes('audit')) {
    dispatcher.dispatch(command(++sent))
    await until(() => dispatcher.counters().rules['orders']?.delivered === sent)
  }
  expect(dispatcher.state()).toMatchObject({ temporal: 'connected', deniedRules: ['audit'] })
  mended = true
  await until(settled(dispatcher))
  await until(() => dispatcher.state().deniedRules.length === 0)
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
  const taken = Array.from({ length: 25 }, (_, i) => dispatcher.dispatch(command(i, { worth: 'high' })))
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
  const { dispatcher, log } = make({ address: stub.address })
  await dispatcher.start()
  for (let i = 0; i < 7; i++)
    dispatcher.dispatch(command(i, { rule: 'usage', kind: 'meter', batch: { ...BATCH_LIMITS, maxDelayMs: 60_000 } }))
  await dispatcher.drain(10_000)
  expect(stub.calls).toHaveLength(1)
  expect(log.lines.map((line) => line.message)).toEqual(['Temporal takes events'])
  expect(dispatcher.dispatch(command(8))).toBe(false)
  expect(dispatcher.counters().total).toMatchObject({ received: 8, delivered: 7, shed: 1, pending: 0 })
  expectConserved(dispatcher)
})

test('refused events end in the dead letters, whatever their class', async () => {
  const stub = await stubService(() => ({ code: 3, details: 'blob too large' }))
  const { dispatcher, log, path } = make({ address: stub.address })
  await dispatcher.start()
  dispatcher.dispatch(command(1, { delivery: 'durable' }))
  dispatcher.dispatch(command(2))
  await until(settled(dispatcher))
  expect(dispatcher.counters().total).toMatchObject({ deadLettered: 2, pending: 0 })
  await until(() => log.at('error').length === 2)
  await dispatcher.drain(1_000)
  const db = new DatabaseSync(path)
  const dead = { reason: 'INVALID_ARGUMENT: blob too large', attempts: 1 }
  expect(db.prepare('SELECT id, reason, attempts FROM dead_letters ORDER BY id').all()).toEqual([
    { id: command(1).id, ...dead },
    { id: command(2).id, ...dead },
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

test('without the files that prove who we are events wait, and the log names them', async () => {
  const temporal = { address: '127.0.0.1:1', namespace: 'edge', tls: { caFile: '/nowhere/ca.pem' } }
  const { dispatcher, log } = make({ address: '', over: { temporal } })
  await dispatcher.start()
  dispatcher.dispatch(command(1, { delivery: 'durable' }))
  await until(() => dispatcher.state().temporal === 'unavailable')
  expect(JSON.stringify(log.lines)).toContain('/nowhere/ca.pem')
  expect(dispatcher.counters().total).toMatchObject({ received: 1, pending: 1 })
})

test('what a request asks right after the answer to a strict one does not overtake its event', async () => {
  const stub = await stubService(() => OK)
  const { dispatcher } = make({ address: stub.address })
  await dispatcher.start()
  for (let i = 0; i < 20; i++) {
    const workflowId = `order/${i}`
    const ticket = dispatcher.dispatchStrict(command(i, { delivery: 'strict', workflowId }))!
    expect(await ticket.stored).toBe(true)
    ticket.keep()
    dispatcher.dispatch(command(i, { rule: 'audit', kind: 'cancel', workflowId }))
  }
  await until(settled(dispatcher))
  for (let i = 0; i < 20; i++) {
    const calls = stub.calls.filter(({ workflowId }) => workflowId === `order/${i}`)
    expect(calls.map(({ method }) => method)).toEqual(['start', 'cancel'])
  }
})

test('a strict event is told of when it is on disk, and has an effect when its request was let through', async () => {
  const stub = await stubService(() => OK)
  const { dispatcher } = make({ address: stub.address })
  await dispatcher.start()
  const [kept, refused] = [1, 2].map((n) => dispatcher.dispatchStrict(command(n, { delivery: 'strict' })))
  expect(await Promise.all([kept?.stored, refused?.stored])).toEqual([true, true])
  expect(dispatcher.counters().total.pending).toBe(2)
  kept?.keep()
  refused?.refuse()
  await until(settled(dispatcher))
  expect(stub.calls.map(({ requestId }) => requestId)).toEqual([command(1).id])
  expect(dispatcher.counters().total).toMatchObject({ received: 2, delivered: 1, shed: 1 })
  expectConserved(dispatcher)
})

test('metered events arrive in batches, each record once, whatever their key', async () => {
  const stub = await stubService(() => OK)
  const { dispatcher } = make({ address: stub.address })
  await dispatcher.start()
  const keys = ['acme', 'globex', 'ü']
  for (let i = 0; i < 3000; i++) {
    dispatcher.dispatch(command(i, { rule: 'usage', kind: 'meter', delivery: 'durable', key: keys[i % 3] ?? '' }))
  }
  await until(settled(dispatcher))
  const batches = stub.calls.map(({ signalInput }) => JSON.parse(signalInput ?? '') as MeterBatch)
  expect(batches.length).toBeLessThan(30)
  for (const key of keys) {
    const own = batches.filter((batch) => batch.key === key)
    expect(new Set(own.flatMap(({ records }) => records.map(({ id }) => id))).size).toBe(1000)
    expect(own.flatMap(({ chunks = [] }) => chunks).reduce((sum, { records }) => sum + records, 0)).toBe(1000)
  }
  expect(dispatcher.counters().rules['usage']).toMatchObject({ received: 3000, delivered: 3000 })
  expectConserved(dispatcher)
})

test('what is worth less is shed first', async () => {
  const port = await reservePort()
  const { dispatcher } = make({ address: `127.0.0.1:${port}`, over: { queue: { maxEvents: 10 } } })
  await dispatcher.start()
  const taken = (worth: 'low' | 'normal' | 'high', from: number) =>
    Array.from({ length: 10 }, (_, i) => dispatcher.dispatch(command(from + i, { worth }))).filter(Boolean).length
  expect([taken('low', 0), taken('normal', 100), taken('high', 200)]).toEqual([7, 2, 1])
  expect(dispatcher.counters().total).toMatchObject({ received: 30, shed: 20 })
  expectConserved(dispatcher)
})

test('operators ask the outbox while the agent runs, and are told when it does not', async () => {
  const { dispatcher } = make({ address: `127.0.0.1:${await reservePort()}` })
  expect(await dispatcher.outbox({ call: 'status' })).toMatchObject({ ok: false })
  await dispatcher.start()
  dispatcher.dispatch(command(1, { delivery: 'durable' }))
  await until(() => dispatcher.state().outboxRows === 1)
  expect(await dispatcher.outbox({ call: 'list', table: 'pending', filter: {}, limit: 5 })).toMatchObject({
    ok: true,
    rows: [{ id: command(1).id }],
  })
})

test('rows are encrypted where the configuration says so, and without a key the start fails', async () => {
  const stub = await stubService(() => OK)
  const folder = tempFolder()
  const keyFile = join(folder, 'keys.json')
  const path = join(folder, 'outbox.db')
  const over = { outbox: { path, keyFile } }
  const without = make({ address: stub.address, folder, over })
  await expect(without.dispatcher.start()).rejects.toMatchObject({ code: 'DISPATCH_THREAD_FAILED' })

  writeFileSync(keyFile, JSON.stringify({ current: 'k1', keys: { k1: randomBytes(32).toString('base64') } }), {
    mode: 0o600,
  })
  const first = make({ address: `127.0.0.1:${await reservePort()}`, folder, over })
  await first.dispatcher.start()
  first.dispatcher.dispatch(command('canary', { delivery: 'durable' }))
  await until(() => first.dispatcher.state().outboxRows === 1)
  await first.dispatcher.drain(0)
  expect(readFileSync(path).includes('user-7')).toBe(false)
  expect(readFileSync(path).includes('canary')).toBe(true)

  const second = make({ address: stub.address, folder, over })
  await second.dispatcher.start()
  await until(settled(second.dispatcher))
  expect(stub.calls.map(({ requestId }) => requestId)).toEqual(['orders/canary'])
})

test('a command that cannot be copied to the thread is shed, its neighbours are delivered', async () => {
  const stub = await stubService(() => OK)
  const { dispatcher, log } = make({ address: stub.address })
  await dispatcher.start()
  const broken = command(2)
  for (const each of [command(1), { ...broken, body: { n: 1n } as never }, command(3)]) dispatcher.dispatch(each)
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
