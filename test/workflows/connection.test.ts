import { Client, Connection } from '@temporalio/client'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Logger } from '../../workflows/logger.ts'
import { createWorkerHost } from '../../workflows/worker.ts'
import type { Shown } from '../../workflows/connection.ts'
import { authorities } from '../agent/dispatch/temporal/support/credential-folder.ts'
import { type ClientCertificate, clientCertificate } from '../support/client-certificates.ts'
import { startTestTemporal } from '../support/temporal.ts'
import { actor, event, startFromEdge } from './support/edge.ts'
import { tlsFront } from './support/tls-front.ts'

/** Bounds a wait that would otherwise never end; nothing is measured by it. */
const EVENTUALLY = { timeout: 90_000, interval: 50 }

const RUNNING = 'worker is running'
const TAKEN = 'the worker shows its new credentials'
const TURNED_AWAY = 'Temporal turned old credentials away too early for the worker: it is started anew'

function memoryLogger() {
  const lines: string[] = []
  const write = (level: string) => (_: object, message: string) => void lines.push(`${level}: ${message}`)
  const logger: Logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  return { lines, logger }
}

test(
  'a worker goes over to new credentials while it works, and stays with the old ones while those do not work',
  {
    timeout: 240_000,
  },
  async () => {
    const temporal = await startTestTemporal()
    onTestFinished(() => temporal.stop())
    const trust = await authorities()
    const front = await tlsFront(trust.tls, temporal.port)
    const certificate = (name: string) => clientCertificate({ issuer: trust.clients, name: `CN=${name}` })
    const shownBy = ({ cert, key }: ClientCertificate): Shown => ({
      tls: {
        serverRootCACertificate: Buffer.from(trust.server.cert),
        serverNameOverride: 'localhost',
        clientCertPair: { crt: Buffer.from(cert), key: Buffer.from(key) },
      },
    })
    const client = new Client({ connection: await Connection.connect({ address: temporal.address }) })
    onTestFinished(() => client.connection.close())
    const order = async (id: string): Promise<unknown> => {
      const input = event(id, 'create-order', actor('ann'))
      await startFromEdge(client, {
        taskQueue: 'edge',
        workflowType: 'requestHook',
        workflowId: id,
        input,
        by: input.actor,
      })
      return client.workflow.getHandle(id).result()
    }

    const { lines, logger } = memoryLogger()
    let shown: Shown | undefined
    const host = createWorkerHost({
      address: front.address,
      namespace: 'default',
      taskQueue: 'edge',
      logger,
      credentials: () => shown,
    })
    const running = host.run()
    onTestFinished(() => host.stop())

    // Nothing to show yet: no reason to give up.
    await vi.waitFor(() => expect(lines.join('\n')).toContain('there are no credentials that can be used'), EVENTUALLY)
    shown = shownBy(await certificate('first'))
    await vi.waitFor(() => expect(host.state).toBe('running'), EVENTUALLY)
    expect(await order('first')).toMatchObject({ handledBy: 'create-order' })

    shown = shownBy(await clientCertificate({ name: 'CN=stranger' }))
    const refused = /^error: new credentials of the worker do not work/
    await vi.waitFor(() => expect(lines.filter((line) => refused.test(line))).toHaveLength(1), EVENTUALLY)
    expect(await order('still first')).toMatchObject({ handledBy: 'create-order' })

    shown = shownBy(await certificate('second'))
    await vi.waitFor(() => expect(lines).toContain(`info: ${TAKEN}`), EVENTUALLY)
    expect(await order('second')).toMatchObject({ handledBy: 'create-order' })
    expect(host.state).toBe('running')
    expect([...new Set(front.clients)]).toEqual(['CN=first', 'CN=second'])
    // The same worker all the time.
    const started = () => lines.filter((line) => line === `info: ${RUNNING}`).length
    expect(started()).toBe(1)

    // Polls still wait on the old connection: they will never come back, and the worker must not wait for them.
    front.ban('CN=first')
    await vi.waitFor(() => expect(lines).toContain(`warn: ${TURNED_AWAY}`), EVENTUALLY)
    await vi.waitFor(() => expect(started()).toBe(2), EVENTUALLY)
    expect(await order('third')).toMatchObject({ handledBy: 'create-order' })
    await host.stop()
    await running
  },
)
