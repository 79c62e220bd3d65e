import type { AgentConfig } from '../config/schema.ts'
import { type IdentityParts, identityOf } from '../identity/from-config.ts'
import type { Log } from '../identity/log.ts'

/** How often it is looked whether keys have come, in milliseconds. */
const POLL_MS = 10

/**
 * The providers of a configuration, for one process that decides nothing for anybody: it keeps no file of keys, which
 * belongs to the agent.
 */
export function identityForExplain(config: AgentConfig, log: Log): IdentityParts {
  const providers = Object.fromEntries(
    Object.entries(config.identity.providers).map(([name, settings]) => [name, withoutKeysFile(settings)]),
  )
  return identityOf({ ...config, identity: { ...config.identity, providers } }, log)
}

function withoutKeysFile<T extends object>(settings: T): T {
  const { keysFile: _, ...rest } = settings as T & { keysFile?: string }
  return rest as T
}

/** Begins to fetch keys and read files, and waits until each provider has answered or failed. Never rejects. */
export async function startProviders(identity: IdentityParts, timeoutMs: number): Promise<void> {
  const until = performance.now() + timeoutMs
  identity.start()
  const settled = (): boolean => identity.authenticator.status().every(({ fetches }) => fetches.ok + fetches.failed > 0)
  while (!(identity.ready() && settled()) && performance.now() < until) {
    if (settled() && identity.authenticator.status().some(({ lastError }) => lastError !== undefined)) return
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** Why providers cannot be asked from here, one line each. */
export function troubles({ authenticator }: IdentityParts): string[] {
  return authenticator
    .status()
    .flatMap(({ provider, issuer, lastError }) =>
      lastError === undefined ? [] : [`${provider}${issuer === undefined ? '' : ` (${issuer})`}: ${lastError}`],
    )
}
