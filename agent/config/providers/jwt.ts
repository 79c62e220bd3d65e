import { z } from 'zod'
import { auth0Provider } from '../../identity/presets/auth0.ts'
import { awsStsProvider } from '../../identity/presets/aws-sts.ts'
import { cognitoProvider } from '../../identity/presets/cognito.ts'
import { entraProvider } from '../../identity/presets/entra.ts'
import { githubActionsProvider } from '../../identity/presets/github-actions.ts'
import { googleProvider } from '../../identity/presets/google.ts'
import { eksProvider, kubernetesProvider } from '../../identity/presets/kubernetes.ts'
import { keycloakProvider } from '../../identity/presets/keycloak.ts'
import { oidcProvider } from '../../identity/presets/oidc.ts'
import { oktaProvider } from '../../identity/presets/okta.ts'
import { refuse } from '../fields.ts'

/** Presets by the names they have in agent.yaml. */
const PRESETS = [
  oidcProvider,
  oktaProvider,
  entraProvider,
  auth0Provider,
  googleProvider,
  keycloakProvider,
  githubActionsProvider,
  awsStsProvider,
  eksProvider,
  kubernetesProvider,
  cognitoProvider,
] as const

const NAMES = PRESETS.map((preset) => {
  const literal: z.ZodType = preset.shape.preset
  return String([...(literal._zod.values ?? [])][0])
})

/** Signed JWTs: of any OpenID provider, or of one that a preset knows. */
export const jwtProvider = z
  .discriminatedUnion('preset', PRESETS, {
    // "alb" is a kind of its own, which provider.ts finds by its preset: to readers it is one more.
    error: (issue) =>
      issue.code === 'invalid_union' && issue.errors.length === 0
        ? `expected one of the presets ${[...NAMES, 'alb'].join(', ')}`
        : undefined,
  })
  .superRefine(({ jwksUri, jwksUris }, ctx) => {
    if (jwksUri !== undefined && jwksUris !== undefined) {
      refuse(ctx, 'CONFIG_CONFLICT', '"jwksUri" and "jwksUris" exclude each other: the list names all places')
    }
  })

export type JwtProvider = z.output<typeof jwtProvider>
