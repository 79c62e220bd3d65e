import { isDeepStrictEqual } from 'node:util'
import type { AgentConfig } from '../config/schema.ts'

/** What is made once and lives as long as the process: sockets, the dispatcher's thread, its connection and its outbox. */
const RESTART_KEYS = [
  'spop.listen',
  'spop.deadline',
  'spop.scheduling',
  'spop.bufsize',
  'spop.maxFrameSize',
  'admin.listen',
  'admin.token',
  'temporal.address',
  'temporal.namespace',
  'temporal.tls',
  'temporal.apiKey',
  'temporal.namespaces',
  'temporal.payloadKeys',
  'outbox.path',
  'outbox.maxRows',
  'outbox.maxBytes',
  'outbox.maxDeadLetters',
  'outbox.retain',
  'outbox.encryptionKey',
  'queue.maxEvents',
  'queue.maxBytes',
  'actor.signingKey',
  'actor.lifetime',
  'actor.searchAttributes',
] as const

/** A configuration as it can be in force, and the keys whose new values have to wait. */
export interface Applicable {
  readonly config: AgentConfig
  /** Such as `spop.listen`, never their values. */
  readonly pendingRestart: readonly string[]
}

/** What of a configuration can be put in force: all of it, but {@link RESTART_KEYS} keep the values of `running`. */
export function applicable(running: AgentConfig, wanted: AgentConfig): Applicable {
  let config: object = wanted
  const pendingRestart = RESTART_KEYS.filter((key) => {
    const path = key.split('.')
    const inForce = at(running, path)
    if (isDeepStrictEqual(inForce, at(wanted, path))) return false
    config = withValue(config, path, inForce)
    return true
  })
  return { config: config as AgentConfig, pendingRestart }
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (isRecord(inner) ? inner[key] : undefined), value)
}

/** A copy with another value there; with `undefined`, without the key. */
function withValue(target: unknown, [key = '', ...rest]: readonly string[], value: unknown): object {
  const before = isRecord(target) ? target : {}
  const inner = rest.length === 0 ? value : withValue(before[key], rest, value)
  const after: Record<string, unknown> = { ...before, [key]: inner }
  // A section that holds nothing any more was not there: `admin` is optional as a whole.
  if (inner === undefined || (rest.length > 0 && isRecord(inner) && Object.keys(inner).length === 0)) delete after[key]
  return after
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
