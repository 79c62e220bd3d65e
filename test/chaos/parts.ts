import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cleanup } from '../../agent/dev/cleanup.ts'
import { startCommand } from '../../agent/dev/command.ts'
import { reservePort } from '../../agent/dev/ports.ts'
import { type ManagedProcess, waitUntil } from '../../agent/dev/process.ts'
import { type Stack, startStack } from '../../agent/dev/stack.ts'
import { startTemporal, type TemporalServer, temporalReady } from '../../agent/dev/temporal.ts'
import { findTemporal, ROOT } from '../../agent/dev/tools.ts'
import { configOf } from './config.ts'
import { Credentials } from './credentials.ts'
import { GrpcProxy } from './grpc-proxy.ts'
import { NAMESPACES, type Tenant } from './lanes.ts'
import { startShortRuns } from './short-runs.ts'

/** An agent that is asked to end goes on delivering for so long, in milliseconds. */
export const DRAIN_MS = 10_000

/** HAProxy answers without the agent after this long; the agent is told to answer before. */
const PATIENCE = {
  SPOP_DEADLINE: '3s',
  SPOE_PROCESSING_TIMEOUT: '4s',
  SPOP_CHECK_TIMEOUT: '5s',
  OUTBOX_DRAIN: `${DRAIN_MS}ms`,
}

const DAY_S = 86_400

export interface PartsOptions {
  /** For databases, logs, certificates and configurations. */
  readonly folder: string
  readonly haproxyBinary: string
  readonly cleanup: Cleanup
}

/** What is started before the first request. */
export interface Parts {
  /** HAProxy, the agent, and what they need but for Temporal. */
  readonly stack: Stack
  readonly temporal: TemporalServer
  readonly temporalPort: number
  readonly proxy: GrpcProxy
  readonly credentials: Credentials
  readonly worker: ManagedProcess
  /** File of the agent, written anew for reloads. */
  readonly config: string
  readonly tokens: Readonly<Record<Tenant, string>>
}

/** Starts everything and waits until requests can flow. */
export async function startParts({ folder, haproxyBinary, cleanup }: PartsOptions): Promise<Parts> {
  const temporalPort = await reservePort()
  const temporal = startTemporal({ binary: findTemporal(), port: temporalPort, folder, namespaces: NAMESPACES })
  cleanup.add(() => temporal.process.stop())
  const credentials = await Credentials.create(join(folder, 'to-temporal'))
  const proxy = await GrpcProxy.start(await credentials.serverTls(), temporal.address)
  cleanup.add(() => proxy.close())
  const config = join(folder, 'agent.yaml')
  writeFileSync(config, configOf(credentials.files))
  writeFileSync(join(folder, 'worker.yaml'), configOf(undefined))
  await temporalReady(temporal, NAMESPACES)
  await startShortRuns(temporal.address)
  const stack = await startStack({
    config,
    haproxy: join(ROOT, 'haproxy.cfg'),
    spoe: join(ROOT, 'spoe.conf'),
    folder,
    ports: 'free',
    ui: false,
    haproxyBinary,
    temporalAddress: proxy.address,
    worker: false,
    env: PATIENCE,
    progress: () => undefined,
    cleanup,
  })
  const worker = startWorker(stack, temporal, folder)
  cleanup.add(() => worker.stop())
  const tokens = { acme: await token(stack, 'acme'), globex: await token(stack, 'globex') }
  await waitUntil('the worker to run', async () => worker.logTail(50).includes('worker is running'), worker)
  return { stack, temporal, temporalPort, proxy, credentials, worker, config, tokens }
}

/** The worker reaches Temporal directly: faults of the proxy are the agent's alone. */
export function startWorker(stack: Stack, temporal: TemporalServer, folder: string): ManagedProcess {
  const env = { ...stack.env, TEMPORAL_ADDRESS: temporal.address }
  return startCommand('worker', ['worker', '--config', join(folder, 'worker.yaml')], env, folder)
}

/** A token that is valid for longer than any run, also for an agent whose clock is not right. */
function token(stack: Stack, tenant: Tenant): Promise<string> {
  const now = Math.floor(Date.now() / 1_000)
  return stack.identity.sign({ sub: `caller-${tenant}`, tenant, roles: [], iat: now - DAY_S, exp: now + DAY_S })
}
