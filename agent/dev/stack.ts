import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { PayloadKeysConfig } from '../crypto/payload-keys.ts'
import { type CertificateFiles, ensureCertificates } from './certificates.ts'
import type { Cleanup } from './cleanup.ts'
import { agentReady, startCommand } from './command.ts'
import { type Ports, reservePorts, stackEnvironment, type TakenPort } from './environment.ts'
import { haproxyReady, startHaproxy } from './haproxy.ts'
import { type IdentityProvider, startIdentityProvider } from './identity-provider.ts'
import type { ManagedProcess } from './process.ts'
import { startTemporal, type TemporalServer, temporalReady } from './temporal.ts'
import { findHaproxy, findTemporal, toolVersion } from './tools.ts'
import { startUpstream } from './upstream.ts'
import { validate } from './validate.ts'

export { startCommand } from './command.ts'

export interface StackOptions {
  readonly config: string
  readonly haproxy: string
  readonly spoe: string
  /** For databases, logs and certificates. */
  readonly folder: string
  /** `fixed`: those that the environment names, else those of the documentation, where they are free. `free`: any. */
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
  /** Gets a step for everything that is started; nothing more is started once it runs. */
  readonly cleanup: Cleanup
}

/** Everything on one machine, running. */
export interface Stack {
  readonly ports: Ports
  /** Ports that it would rather have had. */
  readonly taken: readonly TakenPort[]
  readonly edge: { readonly https: number; readonly http: number }
  readonly certificates: CertificateFiles
  readonly identity: IdentityProvider
  readonly temporalAddress: string
  /** `undefined` when somebody else runs Temporal. */
  readonly temporal: TemporalServer | undefined
  /** What agent and worker encrypt payloads with; `undefined` when they do not. */
  readonly payloadKeys: PayloadKeysConfig | undefined
  readonly agent: ManagedProcess
  readonly adminUrl: string
  readonly worker: ManagedProcess | undefined
  /** Those that the worker serves: what the rules name, else `edge`. */
  readonly taskQueues: readonly string[]
  readonly haproxy: ManagedProcess
  /** The environment that ties the configuration files together. */
  readonly env: Readonly<Record<string, string>>
}

/**
 * Starts identity provider, Temporal, upstreams, agent, worker and HAProxy, and waits until requests can flow.
 * @throws {ConfigError} before anything is started, when agent.yaml or haproxy.cfg cannot be used
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { folder, cleanup } = options
  const progress = (text: string): void => {
    cleanup.throwIfStopping()
    options.progress(text)
  }
  mkdirSync(folder, { recursive: true })
  const haproxyBinary = options.haproxyBinary ?? findHaproxy()
  const certificates = await ensureCertificates(join(folder, 'tls'))
  const { ports, taken } = await reservePorts(options.ports)
  const temporalAddress = options.temporalAddress ?? `127.0.0.1:${ports.temporal}`
  const env = stackEnvironment({ ports, temporalAddress, folder, certificates, spoe: options.spoe, env: options.env })
  const { rules, temporal: temporalConfig } = validate({ ...options, haproxyBinary, env })
  emptyLogs(folder)

  const temporal = options.temporalAddress === undefined ? bringUpTemporal(options, ports, progress) : undefined
  cleanup.throwIfStopping()
  const identity = await startIdentityProvider(ports.identity)
  cleanup.add(() => identity.close())
  for (const name of ['app', 'orders'] as const) {
    cleanup.throwIfStopping()
    const upstream = await startUpstream(name, ports[name])
    cleanup.add(() => upstream.close())
  }

  progress(options.worker === false ? 'agent' : 'agent and worker')
  const start = (name: string, command: string): ManagedProcess => {
    const started = startCommand(name, [command, '--config', options.config], env, folder)
    cleanup.add(() => started.stop())
    return started
  }
  const agent = start('agent', 'serve')
  const worker = options.worker === false ? undefined : start('worker', 'worker')

  progress('waiting until all of it is ready')
  const adminUrl = `http://127.0.0.1:${ports.admin}`
  await agentReady(agent, adminUrl)
  if (temporal !== undefined) await temporalReady(temporal)

  // Last, so that its first health check finds the agent.
  progress(`HAProxy ${toolVersion(haproxyBinary, '-v')}`)
  const haproxy = startHaproxy({
    binary: haproxyBinary,
    config: options.haproxy,
    env,
    logFile: join(folder, 'haproxy.log'),
    masterWorker: options.masterWorker ?? false,
  })
  cleanup.add(() => haproxy.stop())
  await haproxyReady(haproxy, ports.https)
  cleanup.throwIfStopping()

  const edge = { https: ports.https, http: ports.http }
  const named = rules.flatMap(({ workflow }) => workflow?.taskQueue ?? [])
  const taskQueues = [...new Set(named.length === 0 ? ['edge'] : named)]
  const running = { ports, taken, edge, certificates, identity, temporalAddress, temporal, agent, adminUrl }
  return { ...running, payloadKeys: temporalConfig.payloadKeys, worker, taskQueues, haproxy, env }
}

/**
 * HAProxy writes its log from the first byte on, whatever is there: lines of an earlier run would stay behind newer
 * ones. Removed rather than emptied, because a process of a run that was killed may still be at its last lines.
 */
function emptyLogs(folder: string): void {
  for (const name of ['temporal', 'agent', 'worker', 'haproxy']) rmSync(join(folder, `${name}.log`), { force: true })
}

function bringUpTemporal(options: StackOptions, ports: Ports, progress: (text: string) => void): TemporalServer {
  const binary = findTemporal()
  progress(`Temporal ${toolVersion(binary, '--version')}`)
  const { folder } = options
  const server = startTemporal({ binary, port: ports.temporal, folder, ...(options.ui && { uiPort: ports.ui }) })
  options.cleanup.add(() => server.process.stop())
  return server
}
