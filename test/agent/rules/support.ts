import { parseConfig } from '../../../agent/config/load.ts'
import type { Authenticator } from '../../../agent/identity/authenticator.ts'
import { type AuthResult, type Identity, identityOf as makeIdentity } from '../../../agent/identity/identity.ts'
import type { Requirement } from '../../../agent/identity/requirement.ts'
import { compileRules } from '../../../agent/rules/compile.ts'
import type { Facts } from '../../../agent/rules/cel.ts'
import type { Wording } from '../../../agent/rules/variables.ts'
import { ANONYMOUS, ConnectionView, identityView, RequestView } from '../../../agent/rules/facts.ts'
import type { RuleSet } from '../../../agent/rules/rule-set.ts'

/** A configuration with two providers, without rules. */
export const HEAD = `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
identity:
  providers:
    corp: { issuer: "https://id.example.com", audience: [a] }
    other: { issuer: "https://other.example.com", audience: [a] }
`

/** Compiles the `rules:` section of an agent.yaml. */
export function rulesOf(yaml: string): RuleSet {
  const { config, document } = parseConfig('agent.yaml', `${HEAD}${yaml}`, {})
  return compileRules(config, document)
}

export function identityOf(partial: Partial<Identity> = {}): Identity {
  return makeIdentity({
    provider: 'corp',
    method: 'jwt',
    issuer: 'https://id.example.com',
    subject: 'alice',
    tenant: 'acme',
    digest: 'digest',
    expiresAt: 4e9,
    ...partial,
  })
}

export function requestOf(method: string, path: string, host = 'www.example.com'): RequestView {
  return new RequestView('6B000000-id', method, host, path, '', '192.0.2.1', true)
}

/** What answers say in words. */
export const WORDING: Wording = {
  realm: 'test',
  retryAfterS: () => 7,
  dpopNonce: () => undefined,
  rateLimitKey: undefined,
  resourceMetadata: () => undefined,
}

/** Knows a fixed answer for each list of providers; counts how often it is asked. */
export function authenticatorOf(
  answer: AuthResult | ((providers: readonly string[]) => AuthResult | Promise<AuthResult>),
): Authenticator & { asked: number } {
  const authenticator = {
    asked: 0,
    needs: { headers: [], certificate: false, body: false, bodyHeaders: [] },
    authenticate({ providers }: Requirement) {
      authenticator.asked++
      return typeof answer === 'function' ? answer(providers) : answer
    },
    start() {},
    ready: () => true,
    isAway: () => true,
    status: () => [],
    close() {},
  }
  return authenticator as unknown as Authenticator & { asked: number }
}

/** What expressions of a rule without captures see. */
export function factsOf(request: RequestView, identity?: Identity): Facts {
  return {
    request,
    connection: new ConnectionView(request.source, request.tls),
    identity: identity === undefined ? ANONYMOUS : identityView(identity),
  }
}
