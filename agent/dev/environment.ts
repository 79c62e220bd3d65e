import { join, resolve } from 'node:path'
import type { Environment } from '../config/env.ts'
import type { CertificateFiles } from './certificates.ts'
import { reservePort } from './ports.ts'

/** Where everything listens in the documentation. */
const DOCUMENTED = {
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

export type PortName = keyof typeof DOCUMENTED
export type Ports = Readonly<Record<PortName, number>>

/** Variables of the configuration files that name a port, by itself or as `host:port`. */
const VARIABLES: Partial<Record<PortName, string>> = {
  https: 'EDGE_HTTPS',
  http: 'EDGE_HTTP',
  spop: 'SPOP_PORT',
  admin: 'ADMIN_PORT',
}

/** A port that somebody else had, and the one that is used instead. */
export interface TakenPort {
  readonly wanted: number
  readonly port: number
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

/**
 * Reserves every port of a stack; nothing listens yet, so that the files that name them can be checked first.
 * @param kind `fixed`: those that the environment names, else those of the documentation, where they are free. `free`:
 *   any
 */
export async function reservePorts(
  kind: 'fixed' | 'free',
  env: Environment = process.env,
): Promise<{ ports: Ports; taken: TakenPort[] }> {
  const ports: Record<PortName, number> = { ...DOCUMENTED }
  const taken: TakenPort[] = []
  for (const name of Object.keys(DOCUMENTED) as PortName[]) {
    const wanted = kind === 'fixed' ? (namedPort(name, env) ?? DOCUMENTED[name]) : undefined
    const port = await reservePort(wanted)
    ports[name] = port
    if (wanted !== undefined && port !== wanted) taken.push({ wanted, port })
  }
  return { ports, taken }
}

function namedPort(name: PortName, env: Environment): number | undefined {
  const port = Number(env[VARIABLES[name] ?? '']?.split(':').at(-1))
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined
}

export interface StackEnvironmentOptions {
  readonly ports: Ports
  readonly temporalAddress: string
  /** For the outbox. */
  readonly folder: string
  readonly certificates: CertificateFiles
  readonly spoe: string
  /** Wins over everything. */
  readonly env?: Readonly<Record<string, string>> | undefined
}

/** The variables that tie agent.yaml, haproxy.cfg and spoe.conf to one stack. Paths are absolute: each file has its own idea of "here". */
export function stackEnvironment(options: StackEnvironmentOptions): Readonly<Record<string, string>> {
  const { ports } = options
  const patience = Object.entries(PATIENCE).map(([name, value]) => [name, process.env[name] ?? value] as const)
  return {
    ...Object.fromEntries(patience),
    SPOP_PORT: String(ports.spop),
    ADMIN_PORT: String(ports.admin),
    TEMPORAL_ADDRESS: options.temporalAddress,
    OIDC_ISSUER: `http://127.0.0.1:${ports.identity}`,
    OUTBOX_PATH: resolve(join(options.folder, 'outbox.db')),
    EDGE_HTTPS: `127.0.0.1:${ports.https}`,
    EDGE_HTTP: `127.0.0.1:${ports.http}`,
    TLS_CERT: resolve(options.certificates.edge),
    SPOE_CONF: resolve(options.spoe),
    APP_SERVER: `127.0.0.1:${ports.app}`,
    ORDERS_SERVER: `127.0.0.1:${ports.orders}`,
    ...options.env,
  }
}
