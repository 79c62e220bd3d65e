import { expect, test, vi } from 'vitest'
import { command } from './support/commands.ts'
import { expectConserved } from './support/conservation.ts'
import { make, OK, settled } from './support/dispatchers.ts'
import { stubService } from './support/stub-service.ts'
import { until } from './support/wait.ts'

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
