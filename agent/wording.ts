import type { AgentConfig } from './config/schema.ts'
import type { IdentityParts } from './identity/from-config.ts'
import { requiredScopesOf } from './rules/required-scopes.ts'
import type { Wording } from './rules/variables.ts'
import { wantedProofs } from './rules/wanted-proofs.ts'

/** Realm of WWW-Authenticate challenges. */
const REALM = 'haproxy-temporal'

/** What the providers of a configuration have to say in answers. */
export type SaidByProviders = Pick<IdentityParts, 'dpopNonce' | 'rateLimitKey' | 'resourceMetadata'> & {
  readonly authenticator: Pick<IdentityParts['authenticator'], 'retryAfterS'>
}

/** Words of answers, which every part of this program that gives or shows some must have in common. */
export function wordingOf(config: AgentConfig, identity: SaidByProviders): Wording {
  return {
    realm: REALM,
    retryAfterS: () => identity.authenticator.retryAfterS(),
    dpopNonce: () => identity.dpopNonce(),
    rateLimitKey: identity.rateLimitKey,
    resourceMetadata: identity.resourceMetadata,
    requiredScopes: requiredScopesOf(config.identity.providers),
    wantedProof: wantedProofs(config.identity.providers),
  }
}
