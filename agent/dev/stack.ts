import { mkdirSync } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type CertificateFiles, ensureCertificates } from './certificates.ts'
import type { Cleanup } from './cleanup.ts'
import { startHaproxy } from './haproxy.ts'
import { type IdentityProvider, startIdentityProvider } from './identity-provider.ts'
import { reservePort } from './ports.ts'
import { ManagedProcess, waitUntil } from './process.ts'
import { startTemporal, type TemporalServer, temporalReady } from './temporal.ts'
import { findHaproxy, findTemporal, toolVersion } from './tools.ts'
import { startUpstream } from './upstream.ts'

export interface StackOptions {
  readonly config: string
  readonly haproxy: string
  readonly spoe: string
  /** For databases, logs and certificates. */
  readonly folder: string
  /** `fixed`: the ports of the documentation where they are free. `free`: any. */
  readonly ports: 'fixed' | 'free'
  /** Whether Temporal serves its web UI. */
  readonly ui: boolean
  /** Another HAProxy than the one on this machine, for tests of several versions. */
  readonly haproxyBinary?: string
  /** Lets SIGUSR2 reload HAProxy. */
  readonly masterWorker?: boolean
  /** `host:port` of a Temporal that somebody else runs, or does not run; no server is started then. */
  readonly temporalAddress?: string
  /** Whether to run a worker. Default: yes. */
  readonly worker?: boolean
  /** Wins over the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
  /** Tells what is being done; takes over a second in all. */
  readonly progress: (text: string) => void
  /** Gets a step for everything that is started. */
  readonly cleanup: Cleanup
}

/** Everything on one machine, running. */
export interface Stack {
  readonly edge: { readonly https: number; readonly http: number }
  readonly certificates: CertificateFiles
  readonly identity: IdentityProvider
  readonly temporalAddress: string
  /** `undefined` when somebody else runs Temporal. */
  readonly temporal: TemporalServer | undefined
  readonly agent: ManagedProcess
  readonly adminUrl: string
  readonly worker: ManagedProcess | undefined
  readonly haproxy: ManagedProcess
  /** The environment that ties the configuration files together. */
  readonly env: Readonly<Record<string, string>>
}

const PORTS = {
  https: 8443,
  http: 8080,
  spop: 9000,
  admin: 9101,
  temporal: 7233,
  ui: 8233,
  identity: 9180,
  app: 9201,
  orders: 9202,
}

/**
 * Development machines run all of this at once, so HAProxy waits longer here than in production (50 ms, see
 * haproxy.cfg); and nobody else takes over when the agent stops, so there is no hand-over to wait for. The environment
 * wins.
 */
const PATIENCE = {
  SPOP_DEADLINE: '800ms',
  SPOE_PROCESSING_TIMEOUT: '1s',
  SPOP_CHECK_TIMEOUT: '5s',
  SPOP_DRAIN: '200ms',
}

/** Starts identity provider, Temporal, upstreams, agent, worker and HAProxy, and waits until requests can flow. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { folder, cleanup, progress } = options
  mkdirSync(folder, { recursive: true })
  const port = (name: keyof typeof PORTS): Promise<number> =>
    reservePort(options.ports === 'fixed' ? PORTS[name] : undefined)

  const haproxyBinary = options.haproxyBinary ?? findHaproxy()
  const certificates = await ensureCertificates(join(folder, 'tls'))
  const temporal =
    options.temporalAddress === undefined
      ? await bringUpTemporal(options, await port('temporal'), await port('ui'))
      : undefined
  const temporalAddress = temporal?.address ?? options.temporalAddress ?? ''

  const identity = await startIdentityProvider(await port('identity'))
  cleanup.add(() => identity.close())
  const app = await startUpstream('app', await port('app'))
  cleanup.add(() => app.close())
  const orders = await startUpstream('orders', await port('orders'))
  cleanup.add(() => orders.close())

  const edge = { https: await port('https'), http: await port('http') }
  const adminPort = await port('admin')
  const env = {
    ...patience(),
    SPOP_PORT: String(await port('spop')),
    ADMIN_PORT: String(adminPort),
    TEMPORAL_ADDRESS: temporalAddress,
    OIDC_ISSUER: identity.issuer,
    OUTBOX_PATH: absolute(folder, 'outbox.db'),
    EDGE_HTTPS: `127.0.0.1:${edge.https}`,
    EDGE_HTTP: `127.0.0.1:${edge.http}`,
    TLS_CERT: absolute(certificates.edge),
    SPOE_CONF: absolute(options.spoe),
    APP_SERVER: app.address,
    ORDERS_SERVER: orders.address,
    ...options.env,
  }

  progress(options.worker === false ? 'agent' : 'agent and worker')
  const agent = startCommand('agent', ['serve', '--config', options.config], env, folder)
  cleanup.add(() => agent.stop())
  const worker =
    options.worker === false ? undefined : startCommand('worker', ['worker', '--config', options.config], env, folder)
  if (worker !== undefined) cleanup.add(() => worker.stop())

  progress('waiting until all of it is ready')
  const adminUrl = `http://127.0.0.1:${adminPort}`
  await waitUntil('the agent to be ready', () => isReady(`${adminUrl}/readyz`), agent)
  if (temporal !== undefined) await temporalReady(temporal)

  // Last, so that its first health check finds the agent.
  progress(`HAProxy ${toolVersion(haproxyBinary, '-v')}`)
  const haproxy = await startHaproxy({
    binary: haproxyBinary,
    config: options.haproxy,
    env,
    logFile: join(folder, 'haproxy.log'),
    readyPort: edge.https,
    masterWorker: options.masterWorker ?? false,
  })
  cleanup.add(() => haproxy.stop())
  return { edge, certificates, identity, temporalAddress, temporal, agent, adminUrl, worker, haproxy, env }
}

async function bringUpTemporal(options: StackOptions, port: number, uiPort: number): Promise<TemporalServer> {
  const binary = findTemporal()
  options.progress(`Temporal ${toolVersion(binary, '--version')}`)
  const server = startTemporal({ binary, port, folder: options.folder, ...(options.ui && { uiPort }) })
  options.cleanup.add(() => server.process.stop())
  return server
}

function patience(): Record<string, string> {
  return Object.fromEntries(Object.entries(PATIENCE).map(([name, value]) => [name, process.env[name] ?? value]))
}

function absolute(...parts: string[]): string {
  const path = join(...parts)
  return isAbsolute(path) ? path : resolve(path)
}

/** Our own command in a process of its own, as it would run in production. */
export function startCommand(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  folder: string,
): ManagedProcess {
  const main = fileURLToPath(new URL(`../cli/main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url))
  return new ManagedProcess({
    name,
    command: process.execPath,
    args: ['--conditions=development', '--disable-warning=ExperimentalWarning', main, ...args],
    env,
    logFile: join(folder, `${name}.log`),
  })
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok
  } catch {
    return false
  }
}
