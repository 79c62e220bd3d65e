import type { ProviderSettings } from '../config/providers/provider.ts'
import type { Requirement } from '../identity/requirement.ts'

/** Whether a caller may, or must, show his token with a proof of his key (RFC 9449); undefined where nobody takes proofs. */
export type WantedProof = 'optional' | 'required' | undefined

/**
 * What the providers of a requirement want of tokens, for the challenge: a client that is told of the scheme Bearer alone
 * would fetch a token that is refused again.
 */
export function wantedProofs(
  providers: Readonly<Record<string, ProviderSettings>>,
): (requirement: Requirement) => WantedProof {
  // Of kinds that take tokens; other credentials have no scheme to be told of.
  const ofTokens = new Map<string, WantedProof>()
  for (const [name, settings] of Object.entries(providers)) {
    if (settings.kind !== 'jwt' && settings.kind !== 'introspection') continue
    const { dpop, binding } = settings
    ofTokens.set(name, dpop === undefined ? undefined : binding === 'required' ? 'required' : 'optional')
  }
  return ({ providers: names }) => {
    const wanted = names.filter((name) => ofTokens.has(name)).map((name) => ofTokens.get(name))
    if (wanted.every((proof) => proof === undefined)) return undefined
    return wanted.every((proof) => proof === 'required') ? 'required' : 'optional'
  }
}
