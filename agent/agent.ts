import { dirname, resolve } from 'node:path'
import { createAgent } from 'node-spoe'
import { type AdminServer, startAdminServer } from './admin/server.ts'
import { checkFallback, checkHandler } from './check.ts'
import type { LoadedConfig } from './config/load.ts'
import type { AgentConfig, ProviderSettings } from './config/schema.ts'
import { DecisionCounters } from './counters.ts'
import { createDispatcher } from './dispatch/dispatcher.ts'
import { createAuthenticator } from './identity/authenticator.ts'
import type { ProviderConfig } from './identity/config.ts'
import type { Logger } from './log.ts'
import { outcomeHandler } from './outcome.ts'
import { compileRules } from './rules/compile.ts'
import { VARIABLE_PREFIX } from './rules/variables.ts'
import { spopErrorLog } from './spop-errors.ts'

/** Realm of WWW-Authenticate challenges. */
const REALM = 'haproxy-temporal'

export interface RunningAgent {
  /** Bound SPOP addresses, in the form of `spop.listen`. */
  readonly spop: readonly string[]
  /** URL of the admin server; `undefined` without one. */
  readonly admin: string | undefined
  /**
   * Graceful stop: health checks fail, what is in flight is answered, HAProxy gets its DISCONNECT, and what can be
   * delivered to Temporal is. Durable events that cannot stay in the outbox for the next start.
   */
  stop(): Promise<void>
}

/**
 * Starts the agent: listens, begins to fetch keys, opens the outbox. A provider or a Temporal that is not there yet is
 * no error; `/readyz` tells.
 * @param file where the configuration was read: paths in it are relative to its folder
 * @throws {ConfigError} when the rules do not compile, and the error of listening when an address is taken
 */
export async function startAgent(file: string, { config, document }: LoadedConfig, log: Logger): Promise<RunningAgent> {
  const ruleSet = compileRules(config, document)
  const base = dirname(resolve(file))
  const counters = new DecisionCounters(ruleSet.rules)
  const authenticator = createAuthenticator(providerConfigs(config, base), { log })
  const dispatcher = createDispatcher({
    temporal: temporalOptions(config, base),
    outbox: { path: resolve(base, config.outbox.path), maxRows: config.outbox.maxRows },
    queue: { maxEvents: config.queue.maxEvents },
    rules: ruleSet.rules.map((rule) => rule.name),
    log,
  })
  const spop = createAgent({
    messages: {
      check: checkHandler({ ruleSet, authenticator, dispatcher, counters, realm: REALM }),
      outcome: outcomeHandler(counters),
    },
    deadlineMs: config.spop.deadline,
    varPrefix: VARIABLE_PREFIX,
    fallback: checkFallback(counters, REALM),
    onError: spopErrorLog(log),
  })

  let admin: AdminServer | undefined
  authenticator.start()
  try {
    await dispatcher.start()
    if (config.admin !== undefined) {
      admin = await startAdminServer(config.admin.listen, { spop, authenticator, dispatcher, decisions: counters })
    }
    const addresses = await spop.listen(config.spop.listen)
    let stopping: Promise<void> | undefined
    return { spop: addresses, admin: admin?.url, stop: () => (stopping ??= stop()) }
  } catch (error) {
    await Promise.allSettled([spop.close(), dispatcher.drain(0), admin?.close()])
    authenticator.close()
    throw error
  }

  async function stop(): Promise<void> {
    admin?.setDraining()
    await spop.drain({ graceMs: config.spop.drain })
    await dispatcher.drain(config.spop.drain)
    authenticator.close()
    await admin?.close()
  }
}

function temporalOptions(config: AgentConfig, base: string): Parameters<typeof createDispatcher>[0]['temporal'] {
  const { address, namespace, apiKey, tls } = config.temporal
  const file = (path: string | undefined): string | undefined => (path === undefined ? undefined : resolve(base, path))
  const files =
    typeof tls === 'boolean'
      ? tls
      : withoutUndefined({ ...tls, caFile: file(tls.caFile), certFile: file(tls.certFile), keyFile: file(tls.keyFile) })
  return { address, namespace, tls: files, ...(apiKey !== undefined && { apiKey }) }
}

/** The providers of a configuration as the authenticator takes them. */
export function providerConfigs(config: AgentConfig, base: string): ProviderConfig[] {
  return Object.entries(config.identity.providers).map(([name, settings]) => providerConfig(name, settings, base))
}

function providerConfig(name: string, settings: ProviderSettings, base: string): ProviderConfig {
  const { preset: _, clockSkew, maxLifetime, claims, caFile, ...rest } = settings
  return withoutUndefined({
    name,
    ...rest,
    clockSkewS: clockSkew / 1000,
    maxLifetimeS: maxLifetime === undefined ? undefined : maxLifetime / 1000,
    caFile: caFile === undefined ? undefined : resolve(base, caFile),
    claims: withoutUndefined(claims),
  })
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Optional keys are left out, not set to `undefined`: `exactOptionalPropertyTypes` tells the two apart. */
function withoutUndefined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Defined<T>
}
