import { z } from 'zod'
import { albProvider } from './alb.ts'
import { apiKeyProvider } from './api-key.ts'
import { awsProvider } from './aws.ts'
import { certificateProvider } from './certificate.ts'
import { forwardAuthProvider } from './forward-auth.ts'
import { introspectionProvider } from './introspection.ts'
import { jwtProvider } from './jwt.ts'
import { webhookProvider } from './webhook.ts'

/** One entry of `identity.providers`, by its kind; without one it is `jwt`. */
export const provider = z.preprocess(
  (value) =>
    typeof value === 'object' && value !== null && !('kind' in value) ? { kind: kindOf(value), ...value } : value,
  z.discriminatedUnion('kind', [
    jwtProvider,
    certificateProvider,
    awsProvider,
    albProvider,
    introspectionProvider,
    forwardAuthProvider,
    apiKeyProvider,
    webhookProvider,
  ]),
)

/** Tokens of AWS load balancers are written unlike all other JWTs, so their preset is a kind of its own. */
function kindOf(value: object): string {
  return 'preset' in value && value.preset === 'alb' ? 'alb' : 'jwt'
}

export type ProviderSettings = z.output<typeof provider>
