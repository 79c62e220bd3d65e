import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { findTemporal } from '../../agent/dev/tools.ts'
import { BATCH_SIGNAL } from '../../agent/messages.ts'
import type { ActivityDependencies } from '../../workflows/activities/index.ts'
import type { UsageToStore } from '../../workflows/activities/store-usage.ts'
import { createWorkerHost, type WorkerHost } from '../../workflows/worker.ts'
import type { RequestHookResult } from '../../workflows/workflows/request-hook.ts'
import { startTestTemporal, type TestTemporal } from '../support/temporal.ts'
import { actor, event, record, signalFromEdge, startFromEdge } from './support/edge.ts'
import { installQuietRuntime } from './support/workbench.ts'

/** Bounds a wait that would otherwise never end; nothing is measured by it. */
const EVENTUALLY = { timeout: 60_000, interval: 100 }
const run = promisify(execFile)
const ann = actor('ann')
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

let server: TestTemporal
let client: Client
beforeAll(async () => {
  installQuietRuntime()
  server = await startTestTemporal()
  client = new Client({ connection: await Connection.connect({ address: server.address }) })
}, 90_000)
afterAll(async () => {
  await client?.connection.close()
  await server?.stop()
})

function startVersion(buildId: string, activities: ActivityDependencies): WorkerHost {
  const { address } = server
  const deployment = { name: 'edge', buildId }
  const host = createWorkerHost({
    address,
    namespace: 'default',
    taskQueue: 'edge',
    logger: quiet,
    deployment,
    activities,
  })
  void host.run()
  return host
}

/** As an operator does it. Fails until the version's workers have been seen. */
async function makeCurrent(buildId: string): Promise<void> {
  const version = ['--deployment-name', 'edge', '--build-id', buildId, '--yes', '--address', server.address]
  await vi.waitFor(() => run(findTemporal(), ['worker', 'deployment', 'set-current-version', ...version]), EVENTUALLY)
}

/** The version on which a workflow is, as the server has it. */
async function versionOf(workflowId: string) {
  const { raw } = await client.workflow.getHandle(workflowId).describe()
  const { versioningInfo } = raw.workflowExecutionInfo ?? {}
  return [versioningInfo?.behavior, versioningInfo?.deploymentVersion?.buildId]
}

const PINNED = 1
const AUTO_UPGRADE = 2

test('entities go on with the new version, requests under way stay on theirs', { timeout: 180_000 }, async () => {
  const stored: string[] = []
  let open = false
  const version = (buildId: string): ActivityDependencies => ({
    storeUsage: async ({ totals }: UsageToStore) => {
      stored.push(`${totals.total} by ${buildId}`)
      return totals
    },
    handlers: {
      slow: async () => {
        if (!open) throw new Error('not yet')
        return { by: buildId }
      },
    },
  })
  const meter = { taskQueue: 'edge', workflowType: 'usageMeter', workflowId: 'meter', by: ann }
  const count = (...numbers: number[]) =>
    signalFromEdge(client, { ...meter, input: { rule: 'api', key: 'acme' } }, BATCH_SIGNAL, {
      rule: 'api',
      key: 'acme',
      records: numbers.map((n) => record(n)),
    })
  const request = async (workflowId: string) => {
    const input = event(workflowId, 'slow', ann)
    await startFromEdge(client, { taskQueue: 'edge', workflowType: 'requestHook', workflowId, input, by: ann })
    return client.workflow.getHandle(workflowId)
  }

  const first = startVersion('1', version('1'))
  let second: WorkerHost | undefined
  try {
    await makeCurrent('1')
    await count(1, 2)
    const old = await request('old')
    await vi.waitFor(() => expect(stored).toEqual(['2 by 1']), EVENTUALLY)
    await vi.waitFor(async () => expect(await versionOf('old')).toEqual([PINNED, '1']), EVENTUALLY)

    second = startVersion('2', version('2'))
    await makeCurrent('2')
    // The server's task queues learn of it within moments; the entity may have some more tasks on the old version.
    let sent = 2
    await vi.waitFor(async () => {
      await count((sent += 1))
      expect(stored.at(-1)).toMatch(/ by 2$/)
    }, EVENTUALLY)
    expect(await versionOf('meter')).toEqual([AUTO_UPGRADE, '2'])

    open = true
    let asked = 0
    await vi.waitFor(async () => {
      const recent = await request(`recent-${(asked += 1)}`)
      expect(((await recent.result()) as RequestHookResult).output).toEqual({ by: '2' })
    }, EVENTUALLY)
    expect(((await old.result()) as RequestHookResult).output).toEqual({ by: '1' })
    expect(await versionOf('old')).toEqual([PINNED, '1'])

    // Nothing is left on the first version.
    await first.stop()
    await count((sent += 1))
    await vi.waitFor(() => expect(stored.at(-1)).toBe(`${sent} by 2`), EVENTUALLY)
  } finally {
    await Promise.all([first.stop(), second?.stop()])
  }
})
