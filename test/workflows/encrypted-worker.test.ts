import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Client, Connection } from '@temporalio/client'
import type { DataConverter } from '@temporalio/common'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { findTemporal } from '../../agent/dev/tools.ts'
import type { Logger } from '../../workflows/logger.ts'
import { createWorkerHost } from '../../workflows/worker.ts'
import { startTestServer } from '../agent/crypto/codec-server/support.ts'
import { startTestTemporal, type TestTemporal } from '../support/temporal.ts'
import { whatTemporalKeeps } from './support/codec/bench.ts'
import { plainly, sharedKeys, startRaw, type Writer } from './support/codec/keys.ts'
import { actor, event } from './support/edge.ts'
import { installQuietRuntime } from './support/workbench.ts'

/** The shipped worker as `haproxy-temporal worker` makes it where agent.yaml names keys. */

const EVENTUALLY = { timeout: 60_000, interval: 50 }
const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} }

let server: TestTemporal
let bare: Client
beforeAll(async () => {
  installQuietRuntime()
  server = await startTestTemporal()
  bare = new Client({ connection: await Connection.connect({ address: server.address }) })
}, 90_000)
afterAll(async () => {
  await bare?.connection.close()
  await server?.stop()
})

async function withHost<T>(taskQueue: string, dataConverter: DataConverter | undefined, body: () => Promise<T>) {
  const host = createWorkerHost({
    address: server.address,
    namespace: 'default',
    taskQueue,
    logger: quiet,
    ...(dataConverter !== undefined && { dataConverter }),
  })
  const running = host.run()
  try {
    return await body()
  } finally {
    await host.stop()
    await running
  }
}

/** An event without id makes the handler give up; null is none, and breaks the code of the workflow itself. */
const INVALID = event('x', 'create-order', actor('ann'), { id: '' })
const TOLD_BY_ACTIVITY = 'the event has no id'
const TOLD_BY_CODE = 'Cannot destructure property'
const STACKS = ['create-order.ts:', 'request-hook.ts:']

/** Two workflows that fail, one by its activity and one by its code, and all that Temporal keeps of them. */
async function twoFailures(name: string, write: Writer, reader: Client): Promise<Buffer> {
  const ids = { activity: `${name}-activity`, code: `${name}-code` }
  for (const [workflowId, input] of [
    [ids.activity, INVALID],
    [ids.code, null],
  ] as const) {
    await startRaw(bare, { workflowType: 'requestHook', workflowId, taskQueue: name, args: [input] }, write)
  }
  const failing = reader.workflow.getHandle(ids.activity).result()
  await expect(failing).rejects.toMatchObject({
    cause: { message: 'Activity task failed', cause: { message: TOLD_BY_ACTIVITY } },
  })
  await vi.waitFor(async () => expect((await taskFailure(ids.code))?.message).toBeTruthy(), EVENTUALLY)
  return Buffer.concat([await whatTemporalKeeps(bare, ids.activity), await whatTemporalKeeps(bare, ids.code)])
}

async function taskFailure(workflowId: string) {
  const { events } = await bare.workflow.getHandle(workflowId).fetchHistory()
  return events?.findLast((one) => one.workflowTaskFailedEventAttributes)?.workflowTaskFailedEventAttributes?.failure
}

describe('a worker with keys', { timeout: 120_000 }, () => {
  test('leaves no text of an error at Temporal; clients and the codec server read it', async () => {
    const keys = await sharedKeys('a')
    await withHost('hidden', keys.worker.dataConverter, async () => {
      const kept = await twoFailures('hidden', keys.encrypt, keys.client(bare))
      expect(kept.includes('Encoded failure')).toBe(true)
      for (const text of [TOLD_BY_ACTIVITY, TOLD_BY_CODE, ...STACKS]) {
        expect(kept.includes(text), text).toBe(false)
      }
    })

    const { url } = await startTestServer()
    const args = ['--workflow-id', 'hidden-code', '--output', 'json', '--address', server.address]
    const { stdout } = await promisify(execFile)(findTemporal(), ['workflow', 'show', ...args, '--codec-endpoint', url])
    // In JSON the command line shows payloads as they are, in Base64.
    const data = /"encodedAttributes": *\{[^}]*\},\s*"data": *"([^"]+)"/.exec(stdout)?.[1] ?? ''
    expect(JSON.parse(Buffer.from(data, 'base64').toString())).toEqual({
      message: expect.stringContaining(TOLD_BY_CODE),
      stack_trace: expect.stringContaining('request-hook.ts:'),
    })
  })

  test('is what does it: without keys all of it can be read', async () => {
    await withHost('shown', undefined, async () => {
      const kept = await twoFailures('shown', plainly, bare)
      for (const text of [TOLD_BY_ACTIVITY, TOLD_BY_CODE, ...STACKS]) expect(kept.includes(text), text).toBe(true)
    })
  })
})
