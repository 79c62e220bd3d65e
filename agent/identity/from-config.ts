import type { AgentConfig } from '../config/schema.ts'
import { type Authenticator, createAuthenticator } from './authenticator.ts'
import type { Log } from './log.ts'
import { providerConfigs } from './provider-configs.ts'
import { createSchemes } from './schemes.ts'

/** The authenticator of a configuration, not yet started. */
export function authenticatorOf(config: AgentConfig, log: Log): Authenticator {
  const { providers } = config.identity
  return createAuthenticator(providerConfigs(config), {
    log,
    schemes: (context) => createSchemes(providers, context),
  })
}
