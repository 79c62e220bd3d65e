import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Client, Connection, WorkflowContinuedAsNewError } from '@temporalio/client'
import { defaultPayloadConverter } from '@temporalio/common'
import { NativeConnection, Worker } from '@temporalio/worker'
import {
  ACTOR_KEY,
  BATCH_SIGNAL,
  EVENT_SIGNAL,
  WINDOW_SIGNAL,
  type Actor,
  type EdgeEvent,
  type MeterBatch,
  type WindowSummary,
} from '../agent/messages.ts'
import { workflowBundle } from './bundle.ts'
import { historyToJson } from './history-json.ts'
import { workerParts } from './worker-options.ts'

/**
 * Records the histories that the replay tests hold against every later version of the workflows:
 *
 *     node workflows/record-histories.ts [--address 127.0.0.1:7233] [--namespace default]
 *
 * To be run once per release, and again before it when a workflow changes on purpose. The file of a released version
 * stays as it is: workflows of that version may still be running somewhere.
 */

const HISTORIES = join(import.meta.dirname, 'histories')

export interface RecordOptions {
  readonly address: string
  readonly namespace: string
  /** Folder that gets `<workflow>/<version>.json`, with the scene's name behind the version. Default: `histories/` here. */
  readonly folder?: string
}

const actor: Actor = {
  v: 1,
  type: 'jwt',
  provider: 'corp',
  issuer: 'https://id.example',
  subject: 'ann',
  tenant: 'acme',
  roles: ['buyer'],
  scopes: ['orders:write'],
  requestId: 'r-1',
  rule: 'create-order',
}

const event = (n: number): EdgeEvent => ({
  id: `create-order/r-${n}`,
  type: 'create-order',
  rule: 'create-order',
  at: 1_760_000_000_000 + n,
  request: { id: `r-${n}`, method: 'POST', host: 'shop.example', path: '/orders', query: '', source: '192.0.2.7' },
  actor,
  vars: { plan: 'gold' },
})

const record = (n: number) => ({ id: `api/r-${n}`, at: 1_760_000_000_000 + n, method: 'GET', path: '/api' })
const batch = (...ns: number[]): MeterBatch => ({ rule: 'api', key: 'acme', records: ns.map(record) })

/** The same in chunks, as agents send it that store records in groups. */
const chunked = (...chunks: number[][]): MeterBatch => ({
  ...batch(...chunks.flat()),
  chunks: chunks.map((ns) => ({ id: `agent-1/${ns[0]}`, records: ns.length })),
})

const summary = (interval: number, agent: string): WindowSummary => {
  const from = 1_760_000_000_000 + interval * 60_000
  return {
    id: `api/acme/${from}/${agent}`,
    rule: 'api',
    key: 'acme',
    from,
    to: from + 60_000,
    agent,
    begun: 3,
    requests: 2,
    statuses: { '2xx': 1, '5xx': 1 },
    errors: 1,
    bytes: 300,
    latencyMs: { count: 2, sum: 30, min: 10, max: 20, p50: 10, p90: 20, p99: 20, p999: 20 },
    histogram: [
      [10, 1],
      [20, 1],
    ],
    servers: { app1: { requests: 2, errors: 1, latencyMsSum: 30 } },
  }
}

interface Scene {
  readonly type: string
  /** Tells scenes of one workflow apart. */
  readonly name?: string
  readonly input: unknown
  readonly signal?: string
  readonly args?: readonly unknown[]
}

/** Entities are recorded up to the end of their first run, so that continue-as-new is part of the history. */
const options = { signalsPerRun: 3 }
const scenes: readonly Scene[] = [
  { type: 'requestHook', input: event(1) },
  {
    type: 'usageMeter',
    input: { rule: 'api', key: 'acme', options },
    signal: BATCH_SIGNAL,
    args: [batch(1, 2), batch(2, 3), batch(4)],
  },
  {
    type: 'usageMeter',
    name: 'chunks',
    input: { rule: 'api', key: 'acme', options },
    signal: BATCH_SIGNAL,
    args: [chunked([1, 2], [3]), chunked([1, 2], [4]), chunked([5])],
  },
  {
    type: 'trafficWindow',
    input: { rule: 'api', key: 'acme', options },
    signal: WINDOW_SIGNAL,
    args: [summary(0, 'agent-1'), summary(0, 'agent-2'), summary(0, 'agent-1')],
  },
  {
    type: 'auditTrail',
    input: { rule: 'audit', key: 'ann', options },
    signal: EVENT_SIGNAL,
    args: [1, 2, 1].map(event),
  },
]

/**
 * Runs every workflow once and writes its history.
 *
 * @returns the files written
 */
export async function recordHistories({ address, namespace, folder = HISTORIES }: RecordOptions): Promise<string[]> {
  // Histories name whoever took part: not this machine and this process.
  const identity = 'recorder'
  const native = await NativeConnection.connect({ address })
  const client = new Client({ connection: await Connection.connect({ address }), namespace, identity })
  const taskQueue = `record-histories-${Date.now()}`
  try {
    const parts = workerParts(await workflowBundle())
    const worker = await Worker.create({ ...parts, connection: native, namespace, taskQueue, identity })
    return await worker.runUntil(async () => {
      const files: string[] = []
      for (const scene of scenes) files.push(await recordScene(client, taskQueue, scene, folder))
      return files
    })
  } finally {
    await client.connection.close()
    await native.close()
  }
}

async function recordScene(client: Client, taskQueue: string, scene: Scene, folder: string) {
  const { type, name, input, signal, args = [] } = scene
  const payload = (value: unknown) => defaultPayloadConverter.toPayload(value)
  const caller = { fields: { [ACTOR_KEY]: payload(actor) } }
  const suffix = name === undefined ? '' : `-${name}`
  const workflowId = `${taskQueue}/${type}${suffix}`
  const { runId } = await client.workflowService.startWorkflowExecution({
    namespace: client.options.namespace,
    workflowId,
    workflowType: { name: type },
    taskQueue: { name: taskQueue },
    input: { payloads: [payload(input)] },
    identity: client.options.identity,
    requestId: workflowId,
    header: caller,
    memo: caller,
  })
  const handle = client.workflow.getHandle(workflowId, runId, { followRuns: false })
  for (const [n, arg] of args.entries()) {
    await client.workflowService.signalWorkflowExecution({
      namespace: client.options.namespace,
      workflowExecution: { workflowId, runId },
      signalName: signal ?? '',
      input: { payloads: [payload(arg)] },
      identity: client.options.identity,
      requestId: `${workflowId}/${n}`,
      header: caller,
    })
  }
  // An entity's first run ends by continuing as new, which the client reports as an error.
  if (signal === undefined) await handle.result()
  else await handle.result().catch(expectContinuedAsNew)

  const json = historyToJson(await handle.fetchHistory())
  if (signal !== undefined) await client.workflow.getHandle(workflowId).terminate('recorded')
  const file = join(folder, type, `${await packageVersion()}${suffix}.json`)
  await mkdir(join(folder, type), { recursive: true })
  await writeFile(file, `${json}\n`)
  return file
}

function expectContinuedAsNew(error: unknown): void {
  if (!(error instanceof WorkflowContinuedAsNewError)) throw error
}

async function packageVersion(): Promise<string> {
  const text = await readFile(join(import.meta.dirname, '..', 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      address: { type: 'string', default: '127.0.0.1:7233' },
      namespace: { type: 'string', default: 'default' },
    },
  })
  for (const file of await recordHistories(values)) console.log(file)
}
