import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { command } from './support/commands.ts'
import { expectConserved } from './support/conservation.ts'
import { make, OK, settled } from './support/dispatchers.ts'
import { selfSigned } from './support/certificate.ts'
import { stubService } from './support/stub-service.ts'
import { until } from './support/wait.ts'
import { tempFolder } from '../../support/folder.ts'
import { serveSilence, wireTo } from '../../support/local-server.ts'

// Real threads, disks and sockets: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 60_000 })

test('a thread that dies is started again with the other one, its memory counted as shed and its outbox delivered', async () => {
  let died = false
  const stub = await stubService(() => (died ? OK : 'hang'))
  const entries = { store: new URL('./support/crashing-thread.ts', import.meta.url) }
  const { dispatcher, log } = make({ address: stub.address, entries })
  await dispatcher.start()
  dispatcher.dispatch(command(1, { delivery: 'durable' }))
  dispatcher.dispatch(command(2))
  dispatcher.dispatchStrict(command(4, { delivery: 'strict' }))
  await until(() => log.at('error').some((m) => m.startsWith('a dispatcher thread died')))
  // The other one noticed, closed its connections and ended.
  expect(log.at('warn')).toEqual([])
  died = true
  const before = stub.calls.length
  expectConserved(dispatcher)
  dispatcher.dispatch(command(3))
  await until(settled(dispatcher))
  const ids = stub.calls
    .slice(before)
    .map((c) => c.requestId)
    .toSorted()
  // The strict one was on disk, and its request may have been let through.
  expect(ids).toEqual([1, 3, 4].map((n) => command(n).id))
  expect(dispatcher.counters().total).toMatchObject({ received: 4, delivered: 3, shed: 1, pending: 0 })
  expect(dispatcher.counters().memory).toEqual({ events: 0, bytes: 0 })
  expectConserved(dispatcher)
})

test('rules that a reload brings are counted by name, also by a thread that died since', async () => {
  const stub = await stubService(() => OK)
  const { dispatcher } = make({ address: stub.address })
  // Before the thread runs, while it starts, and when it runs.
  dispatcher.addRules(['first'])
  const starting = dispatcher.start()
  dispatcher.addRules(['second', 'orders'])
  await starting
  dispatcher.addRules(['third'])
  const names = ['first', 'second', 'third', 'orders']
  for (const rule of names) expect(dispatcher.dispatch(command(1, { rule }))).toBe(true)
  await until(settled(dispatcher))
  for (const rule of names) expect(dispatcher.counters().rules[rule]).toMatchObject({ received: 1, delivered: 1 })
  expect(dispatcher.counters().rules['(other)']).toMatchObject({ received: 0 })
  expectConserved(dispatcher)
})

describe('a stop', () => {
  const STUCK = 'dispatcher threads did not end by themselves and were terminated'

  test('with idle connections, the threads end by themselves', async () => {
    const stub = await stubService(() => OK)
    const { dispatcher, log } = make({ address: stub.address })
    await dispatcher.start()
    dispatcher.dispatch(command(1, { delivery: 'durable' }))
    await until(settled(dispatcher))
    await dispatcher.drain(60_000)
    expect(log.lines.map(({ message }) => message)).toEqual(['Temporal takes events'])
  })

  test('also over TLS, with calls in flight', async () => {
    const { cert, key } = await selfSigned()
    const [certFile, keyFile] = [join(tempFolder(), 'cert.pem'), join(tempFolder(), 'key.pem')]
    writeFileSync(certFile, cert)
    writeFileSync(keyFile, key)
    const stub = await stubService(() => 'hang', 0, { ca: cert, cert, key })
    const tls = { caFile: certFile, certFile, keyFile }
    const temporal = { address: `127.0.0.1:${stub.port}`, namespace: 'edge', tls: { ...tls, serverName: 'localhost' } }
    const { dispatcher, log } = make({ address: '', over: { temporal } })
    await dispatcher.start()
    for (let n = 0; n < 5; n++) dispatcher.dispatch(command(n))
    await until(() => stub.calls.length > 0)
    await dispatcher.drain(0)
    expect(log.at('warn')).toEqual([])
    expectConserved(dispatcher)
  })

  test('also when Temporal is away, or takes connections and says nothing', async () => {
    for (const address of ['127.0.0.1:1', `127.0.0.1:${await serveSilence({ whenEnded: false })}`]) {
      const { dispatcher, log } = make({ address })
      await dispatcher.start()
      dispatcher.dispatch(command(1))
      await until(() => dispatcher.counters().memory.events === 1)
      await dispatcher.drain(300)
      expect(log.at('warn')).toEqual([])
      expect(dispatcher.counters().total).toMatchObject({ received: 1, shed: 1 })
    }
  })

  test('also when the network has fallen silent since, with calls in flight', async () => {
    const stub = await stubService(({ requestId }) => (requestId === command(1).id ? OK : 'hang'))
    const wire = await wireTo(stub.port)
    const { dispatcher, log } = make({ address: `127.0.0.1:${wire.port}` })
    await dispatcher.start()
    dispatcher.dispatch(command(1))
    await until(settled(dispatcher))
    dispatcher.dispatch(command(2))
    await until(() => stub.calls.length === 2)
    wire.cut()
    await dispatcher.drain(0)
    expect(log.at('warn')).toEqual([])
    expect(log.at('error')).toEqual(['stopped before all events in memory were delivered: those are lost'])
  })

  test('while the threads come up, they are let come up first', async () => {
    const stub = await stubService(() => OK)
    const { dispatcher, log } = make({ address: stub.address })
    const starting = dispatcher.start()
    dispatcher.dispatch(command(1))
    await dispatcher.drain(60_000)
    await starting
    expect(log.at('warn')).toEqual([])
    expect(dispatcher.counters().total).toMatchObject({ received: 1, delivered: 1 })
  })

  test('a thread that something keeps alive is terminated in the end, and the log says so', async () => {
    const stub = await stubService(() => OK)
    const entries = { store: new URL('./support/stubborn-thread.ts', import.meta.url) }
    const { dispatcher, log } = make({ address: stub.address, entries })
    await dispatcher.start()
    await dispatcher.drain(60_000)
    expect(log.lines).toContainEqual(expect.objectContaining({ message: STUCK, fields: { threads: ['store'] } }))
  })

  test('a ship thread that dies in it keeps the store thread from nothing', async () => {
    const stub = await stubService(() => 'hang')
    const entries = { ship: new URL('./support/dying-ship.ts', import.meta.url) }
    const { dispatcher, log } = make({ address: stub.address, entries })
    await dispatcher.start()
    dispatcher.dispatch(command(1))
    dispatcher.dispatch(command(2, { delivery: 'durable' }))
    await until(() => stub.calls.length === 2)
    await dispatcher.drain(60_000)
    expect(log.at('error')).toContain('a dispatcher thread died while it stopped')
    expect(log.at('warn')).toEqual(['stopped with events in the outbox: the next start delivers them'])
    expect(dispatcher.counters().total).toMatchObject({ received: 2, shed: 1, pending: 1 })
    expectConserved(dispatcher)
  })
})
