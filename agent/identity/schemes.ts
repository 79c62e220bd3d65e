import type { ProviderSettings } from '../config/providers/provider.ts'
import { createAlbScheme } from './alb/scheme.ts'
import { createApiKeyScheme } from './api-key/api-key-scheme.ts'
import { createAwsScheme } from './aws/scheme.ts'
import { createCertificateScheme } from './certificate/scheme.ts'
import { createForwardAuthScheme } from './forward-auth/scheme.ts'
import { createIntrospectionScheme } from './introspection/scheme.ts'
import type { Scheme, SchemeContext } from './scheme.ts'
import { createWebhookScheme } from './webhook/webhook-scheme.ts'

/** The providers of agent.yaml whose credentials are no signed JWTs: those are verified all together, see `JwtEngine`. */
export function createSchemes(
  providers: Readonly<Record<string, ProviderSettings>>,
  context: SchemeContext,
): readonly Scheme[] {
  return Object.entries(providers).flatMap(([name, settings]) => schemeOf(name, settings, context) ?? [])
}

function schemeOf(name: string, settings: ProviderSettings, context: SchemeContext): Scheme | undefined {
  switch (settings.kind) {
    case 'jwt':
      return undefined
    case 'certificate':
      return createCertificateScheme(name, settings, context)
    case 'aws':
      return createAwsScheme(name, settings, context)
    case 'alb':
      return createAlbScheme(name, settings, context)
    case 'introspection':
      return createIntrospectionScheme(name, settings, context)
    case 'forward_auth':
      return createForwardAuthScheme(name, settings, context)
    case 'api_key':
      return createApiKeyScheme(name, settings, context)
    case 'webhook':
      return createWebhookScheme(name, settings, context)
  }
}
