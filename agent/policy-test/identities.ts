import { createHash } from 'node:crypto'
import type { AgentConfig } from '../config/schema.ts'
import { variablesOf } from '../identity/claim-variables.ts'
import { type AuthMethod, type Identity, identityOf } from '../identity/identity.ts'
import { freezeJson } from '../identity/plain-json.ts'
import { jwtProviderConfigs } from '../identity/provider-configs.ts'
import type { IdentitySettings } from './schema.ts'

const METHODS: Readonly<Record<string, AuthMethod>> = {
  jwt: 'jwt',
  alb: 'jwt',
  introspection: 'introspection',
  certificate: 'certificate',
  aws: 'aws',
  api_key: 'api_key',
  webhook: 'webhook',
  forward_auth: 'forward_auth',
}

/** The identity that a verified credential of this caller would give. */
export function testIdentity(name: string, settings: IdentitySettings, config: AgentConfig): Identity {
  const { provider, subject = name, tenant, roles, scopes, session, credentialId } = settings
  const known = config.identity.providers[provider]
  const claims = freezeJson(structuredClone(settings.claims))
  return identityOf({
    provider,
    method: METHODS[known?.kind ?? 'jwt'] ?? 'jwt',
    issuer: settings.issuer ?? issuerOf(config, provider),
    subject,
    tenant,
    roles,
    scopes,
    claims,
    session,
    credentialId,
    variables: variablesOf(claims, variablePaths(config, provider)),
    digest: createHash('sha256').update(name).digest('base64url'),
  })
}

/** The first that the provider trusts; for a provider that is no issuer its name. */
function issuerOf({ identity }: AgentConfig, provider: string): string {
  const settings = identity.providers[provider]
  if (settings?.kind === 'jwt') return jwtProviderConfigs(provider, settings)[0]?.issuer ?? provider
  return settings !== undefined && 'issuer' in settings && typeof settings.issuer === 'string'
    ? settings.issuer
    : provider
}

function variablePaths({ identity }: AgentConfig, provider: string): Readonly<Record<string, readonly string[]>> {
  const settings = identity.providers[provider]
  if (settings?.kind === 'jwt') return jwtProviderConfigs(provider, settings)[0]?.claims.variables ?? {}
  if (settings?.kind === 'introspection') return settings.claims?.variables ?? {}
  return {}
}
