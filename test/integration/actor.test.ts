import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Client, Connection, type WorkflowHandle } from '@temporalio/client'
import { defaultPayloadConverter } from '@temporalio/common'
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CREATE_COMMAND } from '../../agent/actor/search-attributes.ts'
import { Signer } from '../../agent/actor/signer.ts'
import { ActorVerifier } from '../../agent/actor/verifier.ts'
import { Cleanup } from '../../agent/dev/cleanup.ts'
import { ROOT } from '../../agent/dev/tools.ts'
import type { Command } from '../../agent/dispatch/command.ts'
import { createDispatcher } from '../../agent/dispatch/dispatcher.ts'
import { ACTOR_KEY, type Actor, type EdgeEvent, ENVELOPE_KEY, ORIGIN_KEY } from '../../agent/messages.ts'
import { verifiedActor, currentActor } from '../../workflows/interceptors/activity-actor.ts'
import { workerParts } from '../../workflows/worker-options.ts'
import { quiet, testSigner, writeJwks } from '../agent/actor/support/keys.ts'
import { command as commandOf, type Over } from '../agent/dispatch/support/commands.ts'
import { newFolder, removeFolder, tempFolder } from '../support/folder.ts'
import { startTestTemporal, type TestTemporal } from '../support/temporal.ts'
import { installQuietRuntime } from '../workflows/support/workbench.ts'
import type { Seen, Sight } from './support/actor-workflows.ts'

const NAMESPACE = 'default'
const EVENTUALLY = { timeout: 30_000, interval: 50 }
const payload = (value: unknown) => defaultPayloadConverter.toPayload(value)

const ann: Actor = {
  v: 1,
  type: 'jwt',
  provider: 'corp',
  subject: 'ann',
  tenant: 'acme',
  roles: ['buyer'],
  scopes: [],
  requestId: 'r',
  rule: 'orders',
  id: 'k1.annannannannannannanna',
}
const admin: Actor = { ...ann, subject: 'root', roles: ['admin'] }

const everything = new Cleanup()
let temporal: TestTemporal
let client: Client
let keyFile: string
let keysFile: string

beforeAll(async () => {
  installQuietRuntime()
  const folder = newFolder()
  everything.add(() => removeFolder(folder))
  const { file, key } = testSigner(folder)
  keyFile = file
  keysFile = writeJwks(folder, [key])
  temporal = await startTestTemporal()
  everything.add(() => temporal.stop())
  const connection = await Connection.connect({ address: temporal.address })
  everything.add(() => connection.close())
  client = new Client({ connection, namespace: NAMESPACE })
  // Two workers with the same workflows: one that refuses, one in its time of grace.
  for (const require of [true, false]) await startWorker(require)
})
afterAll(() => everything.run())

const queueOf = (require: boolean): string => (require ? 'strict' : 'grace')

async function startWorker(require: boolean): Promise<void> {
  const verifier = new ActorVerifier({ verifyKeys: { file: keysFile }, require }, quiet)
  await verifier.start()
  const native = await NativeConnection.connect({ address: temporal.address })
  const code = await bundleWorkflowCode({
    workflowsPath: join(import.meta.dirname, 'support', 'actor-workflows.ts'),
    workflowInterceptorModules: [join(ROOT, 'workflows/interceptors/workflow.ts')],
    logger: new DefaultLogger('ERROR'),
  })
  const parts = workerParts({ codePath: '' }, {}, verifier)
  const who = async (): Promise<Seen> => ({ current: currentActor() ?? null, verified: verifiedActor() ?? null })
  const worker = await Worker.create({
    ...parts,
    workflowBundle: code,
    activities: { ...parts.activities, who },
    connection: native,
    namespace: NAMESPACE,
    taskQueue: queueOf(require),
    // Every task replays its workflow from the start.
    maxCachedWorkflows: 0,
  })
  const running = worker.run()
  everything.add(async () => {
    worker.shutdown()
    await running
    await native.close()
    verifier.close()
  })
}

/** Sends events as the agent does, and waits until Temporal has them. */
async function dispatch(commands: readonly Command[], more: { searchAttributes?: boolean } = {}): Promise<number> {
  const dispatcher = createDispatcher({
    temporal: { address: temporal.address, namespace: NAMESPACE, identity: 'agent@test' },
    outbox: { path: join(tempFolder(), 'outbox.db') },
    rules: ['orders'],
    actor: { signingKeyFile: keyFile, lifetimeS: 3600, searchAttributes: more.searchAttributes ?? false },
    log: { ...quiet, debug() {} },
  })
  await dispatcher.start()
  for (const command of commands) expect(dispatcher.dispatch(command)).toBe(true)
  await expect.poll(() => dispatcher.counters().total.delivered, EVENTUALLY).toBe(commands.length)
  await dispatcher.drain(5000)
  return dispatcher.counters().unindexed
}

/** A command for one of the workflows that tell, on behalf of Ann. */
function command(workflowType: string, over: Over = {}): Command {
  const made = commandOf(randomUUID(), { workflowType, taskQueue: queueOf(true), ...over })
  return { ...made, body: { ...(made.body as EdgeEvent), actor: ann } }
}

const resultOf = <T>(workflowId: string): Promise<T> => client.workflow.getHandle(workflowId).result() as Promise<T>

interface ForeignStart {
  readonly workflowType?: string
  readonly workflowId?: string
  readonly taskQueue?: string
  readonly retry?: boolean
  readonly header: Readonly<Record<string, unknown>>
}

/** What anybody with write access to the namespace can do. */
async function startByStranger(start: ForeignStart): Promise<WorkflowHandle> {
  const { workflowType = 'caller', workflowId = randomUUID(), taskQueue = queueOf(true), header, retry } = start
  await client.workflowService.startWorkflowExecution({
    namespace: NAMESPACE,
    workflowId,
    workflowType: { name: workflowType },
    taskQueue: { name: taskQueue },
    requestId: randomUUID(),
    header: { fields: Object.fromEntries(Object.entries(header).map(([name, value]) => [name, payload(value)])) },
    ...(retry === true && { retryPolicy: { maximumAttempts: 2, initialInterval: { nanos: 1_000_000 } } }),
  })
  return client.workflow.getHandle(workflowId)
}

/** The headers that a workflow was started with, out of its history: whoever may read it can copy them. */
async function headersOf(workflowId: string): Promise<Record<string, unknown>> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory()
  const fields = events?.[0]?.workflowExecutionStartedEventAttributes?.header?.fields ?? {}
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, defaultPayloadConverter.fromPayload(value)]),
  )
}

const proven = (workflowId: string) => ({
  ...ann,
  workflowId,
  namespace: NAMESPACE,
  agent: { id: 'agent@test', version: expect.any(String) as string },
})

/** Why the activity of a workflow gave up. */
async function refusalOf(handle: WorkflowHandle): Promise<string> {
  const failure = await handle.result().then(
    () => new Error('it was done'),
    (error: unknown) => error as Error,
  )
  let root = failure
  while (root.cause instanceof Error) root = root.cause
  return root.message
}

it('a workflow of the agent and its activity know who called, proven', async () => {
  const start = command('caller')
  await dispatch([start])
  const { workflow, activity } = await resultOf<Sight>(start.workflowId)
  expect(workflow).toEqual({ current: ann, verified: proven(start.workflowId) })
  expect(activity).toEqual({ current: proven(start.workflowId), verified: proven(start.workflowId) })
})

it('children and their children work for the same caller', async () => {
  const start = command('family')
  await dispatch([start])
  const grandchild = await resultOf<Seen>(start.workflowId)
  expect(grandchild).toEqual({ current: proven(start.workflowId), verified: proven(start.workflowId) })
  // It has a parent in its name, but none that Temporal knows of.
  const workflowId = `${start.workflowId}.child`
  const stranger = await startByStranger({ workflowId, header: await headersOf(workflowId) })
  expect(await refusalOf(stranger)).toContain('other_workflow')
})

describe('what a stranger with write access sends', () => {
  it('an actor without envelope is refused', async () => {
    expect(await refusalOf(await startByStranger({ header: { [ACTOR_KEY]: admin } }))).toBe(
      'the caller is not proven: missing',
    )
  })

  it('an actor without envelope is a claim in a time of grace, to workflow and activity', async () => {
    const handle = await startByStranger({ taskQueue: queueOf(false), header: { [ACTOR_KEY]: admin } })
    expect(await handle.result()).toEqual({
      workflow: { current: admin, verified: null },
      activity: { current: admin, verified: null },
    })
  })

  it('an envelope that was copied to another workflow is refused, also with tales of its origin', async () => {
    const start = command('caller')
    await dispatch([start])
    await resultOf(start.workflowId)
    const header = await headersOf(start.workflowId)
    const tales = { ...header, [ORIGIN_KEY]: { at: Date.now(), ancestors: [start.workflowId] } }
    expect(await refusalOf(await startByStranger({ header }))).toContain('other_workflow')
    expect(await refusalOf(await startByStranger({ header: tales }))).toContain('other_workflow')
    // A retry carries the headers of the client, and must not make them ours.
    const retried = await startByStranger({ workflowType: 'flaky', retry: true, header: tales })
    expect(await refusalOf(retried)).toContain('other_workflow')
    const grace = await startByStranger({ taskQueue: queueOf(false), header: tales })
    expect(await grace.result()).toMatchObject({ activity: { current: null, verified: null } })
  })

  it('an envelope that has expired is refused, also with tales of its origin', async () => {
    const workflowId = randomUUID()
    const twoHoursAgo = Date.now() - 2 * 3_600_000
    const signer = new Signer({ file: keyFile, lifetimeS: 3600, identity: 'a', log: quiet, now: () => twoHoursAgo })
    const envelope = signer.sign({ namespace: NAMESPACE, workflowId, eventId: 'e', actor: ann })
    const header = { [ENVELOPE_KEY]: envelope, [ORIGIN_KEY]: { at: twoHoursAgo, ancestors: [] } }
    expect(await refusalOf(await startByStranger({ workflowId, header }))).toContain('expired')
  })

  it('an envelope by a key of his own is not taken, and is tried again until somebody looks', async () => {
    const workflowId = randomUUID()
    const { signer } = testSigner(tempFolder())
    const envelope = signer.sign({ namespace: NAMESPACE, workflowId, eventId: 'e', actor: admin })
    const header = { [ENVELOPE_KEY]: envelope }
    const handle = await startByStranger({ workflowId, workflowType: 'flaky', retry: true, header })
    const attempts = async () => (await handle.describe()).raw.pendingActivities?.[0]
    await expect.poll(async () => (await attempts())?.attempt, EVENTUALLY).toBeGreaterThan(1)
    expect((await attempts())?.lastFailure?.message).toBe('the caller is not proven: unknown_key')
    await handle.terminate('seen')
    const grace = await startByStranger({
      workflowType: 'flaky',
      taskQueue: queueOf(false),
      retry: true,
      header: { [ENVELOPE_KEY]: envelope, [ACTOR_KEY]: admin },
    })
    expect(await grace.result()).toEqual({ current: null, verified: null })
  })
})

it('each signal has its own caller, and the first one stays the starter across continue-as-new', async () => {
  const made = command('entity', { kind: 'signal', key: randomUUID() })
  const { workflowId } = made
  await dispatch([made])
  const handle = client.workflow.getHandle(workflowId)
  await expect.poll(() => handle.query<Seen[]>('seen').catch(() => []), EVENTUALLY).toHaveLength(1)
  // A stranger's signal, with an envelope for something else.
  const other = command('caller')
  await dispatch([other])
  const fields = Object.fromEntries(
    Object.entries(await headersOf(other.workflowId)).map(([name, value]) => [name, payload(value)]),
  )
  await client.workflowService.signalWorkflowExecution({
    namespace: NAMESPACE,
    workflowExecution: { workflowId },
    signalName: 'event',
    requestId: randomUUID(),
    header: { fields },
  })
  const seen = await resultOf<(Seen & { error?: string })[]>(workflowId)
  expect(seen).toEqual([
    { current: proven(workflowId), verified: proven(workflowId) },
    { current: null, verified: null, error: expect.stringContaining('other_workflow') as string },
    { current: proven(workflowId), verified: proven(workflowId) },
  ])
})

it('search attributes: a namespace without them starts all the same, one with them finds the caller', async () => {
  const without = command('caller')
  expect(await dispatch([without], { searchAttributes: true })).toBe(1)
  await resultOf(without.workflowId)

  const names = [...CREATE_COMMAND.matchAll(/--name (\w+) --type Keyword/g)].map(([, name]) => name ?? '')
  await client.connection.operatorService.addSearchAttributes({
    namespace: NAMESPACE,
    searchAttributes: Object.fromEntries(names.map((name) => [name, 2])),
  })
  // The server learns of new attributes by and by; until then they count as missing.
  let last = command('caller')
  await expect
    .poll(async () => {
      last = command('caller')
      return dispatch([last], { searchAttributes: true })
    }, EVENTUALLY)
    .toBe(0)
  await resultOf(last.workflowId)
  const found = async () => {
    const ids: string[] = []
    for await (const { workflowId } of client.workflow.list({ query: `ActorId = '${ann.id}' AND Tenant = 'acme'` })) {
      ids.push(workflowId)
    }
    return ids
  }
  await expect.poll(found, EVENTUALLY).toEqual([last.workflowId])
})
