import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { Client, Connection } from '@temporalio/client'
import { msToTs } from '@temporalio/common/lib/time.js'
import { expect, test, vi } from 'vitest'
import { createWorkerHost } from '../../workflows/worker.ts'
import type { Logger } from '../../workflows/logger.ts'
import { actor, event, startFromEdge } from './support/edge.ts'
import { withFolder } from '../support/folder.ts'
import { startTestTemporal, testTemporal } from '../support/temporal.ts'

/** Bounds a wait that would otherwise never end; nothing is measured by it. */
const EVENTUALLY = { timeout: 60_000, interval: 50 }

function memoryLogger() {
  const lines: { level: string; message: string }[] = []
  const write = (level: string) => (_: object, message: string) => void lines.push({ level, message })
  const logger: Logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  const count = (level: string, message: string) =>
    lines.filter((l) => l.level === level && l.message === message).length
  return { lines, logger, count }
}

async function order(address: string, taskQueue: string, id: string): Promise<unknown> {
  const client = new Client({ connection: await Connection.connect({ address }) })
  try {
    const input = event(id, 'create-order', actor('ann'))
    await startFromEdge(client, { taskQueue, workflowType: 'requestHook', workflowId: id, input, by: input.actor })
    return await client.workflow.getHandle(id).result()
  } finally {
    await client.connection.close()
  }
}

async function registerNamespace(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address })
  try {
    await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: msToTs('1 day') })
  } finally {
    await connection.close()
  }
}

const AWAY = 'Temporal is away: will keep trying'
const STILL_AWAY = 'still: Temporal is away'
const REFUSED = 'Temporal refuses this worker: will keep trying'
const STILL_REFUSED = 'still: Temporal refuses this worker'
const RUNNING = 'worker is running'

test('waits for Temporal, works, and works again when Temporal comes back', { timeout: 180_000 }, async () => {
  const { lines, logger, count } = memoryLogger()
  await withFolder(async (folder) => {
    // Nobody listens on its port yet.
    const server = await testTemporal(folder)
    const { address } = server

    const host = createWorkerHost({ address, namespace: 'default', taskQueue: 'edge', logger, identity: 'worker-test' })
    expect(host.state).toBe('idle')
    const running = host.run()
    try {
      await vi.waitFor(() => expect(count('debug', STILL_AWAY)).toBeGreaterThanOrEqual(2), EVENTUALLY)
      expect(host.state).toBe('connecting')
      // One line however often it tried.
      expect(count('warn', AWAY)).toBe(1)

      await server.start()
      try {
        await vi.waitFor(() => expect(host.state).toBe('running'), EVENTUALLY)
        expect(await order(address, 'edge', 'before')).toMatchObject({ handledBy: 'create-order' })
      } finally {
        await server.stop()
      }
      await vi.waitFor(() => expect(host.state).toBe('connecting'), EVENTUALLY)
      expect(count('warn', AWAY)).toBe(2)

      await server.start()
      try {
        expect(await order(address, 'edge', 'after')).toMatchObject({ handledBy: 'create-order' })
        await vi.waitFor(() => expect(host.state).toBe('running'), EVENTUALLY)
        // Without a server to say good-bye to, the SDK tries for ten more seconds.
        await host.stop()
      } finally {
        await server.stop()
      }
    } finally {
      await host.stop()
    }
    await running
    expect(host.state).toBe('stopped')
    const told = lines.filter(({ level }) => level === 'info' || level === 'warn').map(({ message }) => message)
    // The orders' lines go to the logger of the first host of the process.
    expect(told.filter((message) => !message.startsWith('order'))).toEqual([AWAY, RUNNING, AWAY, RUNNING])
  })
})

test('connects anew when Temporal came back without our namespace', { timeout: 120_000 }, async () => {
  const { logger, count } = memoryLogger()
  let server = await startTestTemporal()
  const { address, port } = server
  await registerNamespace(address, 'shop')
  const host = createWorkerHost({ address, namespace: 'shop', taskQueue: 'edge', logger })
  const running = host.run()
  try {
    await vi.waitFor(() => expect(host.state).toBe('running'), EVENTUALLY)
    // Another server at the same address, which does not know the namespace: the SDK's worker would give up for good.
    await server.stop()
    server = await startTestTemporal(port)
    await vi.waitFor(() => expect(count('warn', REFUSED)).toBe(1), EVENTUALLY)
    await registerNamespace(address, 'shop')
    await vi.waitFor(() => expect(host.state).toBe('running'), EVENTUALLY)
    expect(count('info', RUNNING)).toBe(2)
  } finally {
    await host.stop()
    await server.stop()
  }
  await running
})

test('a namespace that is missing is reported once, and tried until it is there', { timeout: 90_000 }, async () => {
  const { logger, count } = memoryLogger()
  const server = await startTestTemporal()
  const host = createWorkerHost({ address: server.address, namespace: 'shop', taskQueue: 'edge', logger })
  const running = host.run()
  try {
    await vi.waitFor(() => expect(count('debug', STILL_REFUSED)).toBeGreaterThanOrEqual(1), EVENTUALLY)
    await registerNamespace(server.address, 'shop')
    await vi.waitFor(() => expect(host.state).toBe('running'), EVENTUALLY)
    expect(count('warn', REFUSED)).toBe(1)
  } finally {
    await host.stop()
    await server.stop()
  }
  await running
})

test('stops while Temporal is away, and without ever having run', { timeout: 60_000 }, async () => {
  const { logger, count } = memoryLogger()
  const options = { address: '127.0.0.1:1', namespace: 'default', taskQueue: 'edge', logger }
  const host = createWorkerHost(options)
  const running = host.run()
  await vi.waitFor(() => expect(count('warn', AWAY)).toBe(1), EVENTUALLY)
  await host.stop()
  await running
  await host.stop()
  expect(host.state).toBe('stopped')

  const idle = createWorkerHost(options)
  await idle.stop()
  expect(idle.state).toBe('stopped')
  expect(() => idle.run()).toThrow()
})

test(
  'stops, although the SDK waits for a Temporal that takes connections and never answers',
  { timeout: 60_000 },
  async () => {
    const { logger, count } = memoryLogger()
    const sockets = new Set<Socket>()
    const silent = createServer((socket) => void sockets.add(socket)).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const address = `127.0.0.1:${(silent.address() as AddressInfo).port}`
    const host = createWorkerHost({ address, namespace: 'default', taskQueue: 'edge', logger })
    const running = host.run()
    try {
      await vi.waitFor(() => expect(sockets.size).toBe(1), EVENTUALLY)
      await host.stop()
      expect(host.state).toBe('stopped')
      expect(count('warn', 'the worker does not end: it is left behind')).toBe(1)
    } finally {
      for (const socket of sockets) socket.destroy()
      silent.close()
    }
    await running
  },
)

test('an option that can never work ends the host instead of being tried again', { timeout: 60_000 }, async () => {
  const { logger } = memoryLogger()
  const handlers = { storeUsage: async () => ({}) }
  const server = await startTestTemporal()
  try {
    const { address } = server
    const host = createWorkerHost({ address, namespace: 'default', taskQueue: 'e', logger, activities: { handlers } })
    await expect(host.run()).rejects.toThrow(RangeError)
    expect(host.state).toBe('stopped')
  } finally {
    await server.stop()
  }
})
