import type { Reply } from 'node-spoe'
import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../agent/config/load.ts'
import type { AuthResult } from '../../../agent/identity/identity.ts'
import { denied } from '../../../agent/identity/reasons.ts'
import { compileRules } from '../../../agent/rules/compile.ts'
import { decide } from '../../../agent/rules/decide.ts'
import { requiredScopesOf } from '../../../agent/rules/required-scopes.ts'
import { writeDecision } from '../../../agent/rules/variables.ts'
import { evidenceOf } from '../identity/support/evidence.ts'
import { authenticatorOf, identityOf, requestOf } from './support.ts'

const { config, document } = parseConfig(
  'agent.yaml',
  `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
identity:
  providers:
    corp: { issuer: "https://id.example.com", audience: [a], requiredScopes: [api, "orders:read"] }
    other: { issuer: "https://other.example.com", audience: [a], requiredScopes: [api, partner] }
    third: { issuer: "https://third.example.com", audience: [a], requiredScopes: third }
    plain: { issuer: "https://plain.example.com", audience: [a] }
    opaque:
      kind: introspection
      issuer: https://id.example.com
      client: { id: edge, secret: hunter2-hunter2 }
      audience: [a]
      requiredScopes: [deep]
      token: { from: { cookie: session } }
rules:
  - { name: one, match: { path: /one }, identity: { require: corp } }
  - { name: both, match: { path: /both }, identity: { require: corp, scopes: ["orders:write", api] } }
  - { name: any, match: { path: /any }, identity: { require: [corp, other, plain], scopes: [w] } }
  - { name: apart, match: { path: /apart }, identity: { require: [corp, third] } }
  - { name: all, match: { path: /all }, identity: { require: { all: [plain, opaque] } } }
  - { name: free, match: { path: /free }, identity: { require: plain, scopes: [w] } }
`,
  {},
)
const ruleSet = compileRules(config, document)
const requiredScopes = requiredScopesOf(config.identity.providers)

/** The challenge of a request whose credential is judged so. */
async function challengeOf(path: string, answer: AuthResult): Promise<string | undefined> {
  const decision = await decide(ruleSet, authenticatorOf(answer), requestOf('GET', path), evidenceOf())
  const vars: Record<string, unknown> = {}
  const reply = { setVar: (_: string, name: string, value: unknown) => (vars[name] = value) } as unknown as Reply
  writeDecision(reply, decision, {
    realm: 'api',
    resourceMetadata: () => undefined,
    requiredScopes,
    retryAfterS: () => 1,
    dpopNonce: () => undefined,
    rateLimitKey: undefined,
  })
  return vars['challenge'] as string | undefined
}

const FORM = /^Bearer realm="api", error="insufficient_scope", error_description="[^"]+"(?:, scope="(?<scope>[^"]+)")?$/
const scopeOf = (challenge: string | undefined): string | undefined => {
  const found = FORM.exec(challenge ?? '')
  if (found === null) throw new Error(`no such challenge: ${challenge}`)
  return found.groups?.['scope']
}

describe('the challenge of a token without a scope', () => {
  it.each([
    ['what its provider demands', '/one', 'api orders:read'],
    ['what provider and rule demand, each once', '/both', 'api orders:read orders:write'],
    ['what all providers demand that it could be of', '/any', 'api w'],
    ['nothing where those have nothing in common', '/apart', undefined],
    ['what one of "all" demands', '/all', 'deep'],
  ])('that its provider refused names %s', async (_, path, scope) => {
    expect(scopeOf(await challengeOf(path, denied('insufficient_scope')))).toBe(scope)
  })

  it.each([
    ['corp', '/both', 'api orders:read orders:write'],
    ['other', '/any', 'api partner w'],
    ['plain', '/any', 'w'],
    ['plain', '/free', 'w'],
  ])('that the rule refused names what %s and the rule demand on %s', async (provider, path, scope) => {
    const identity = identityOf({ provider, scopes: ['evil"scope', 'x'] })
    const challenge = await challengeOf(path, { ok: true, identity })
    expect(scopeOf(challenge)).toBe(scope)
    expect(challenge).not.toContain('evil')
  })

  it('is the only one that names scopes', async () => {
    expect(await challengeOf('/both', denied('expired'))).not.toContain('scope')
    expect(await challengeOf('/both', denied('no_credentials'))).not.toContain('scope')
    expect(await challengeOf('/nowhere', denied('insufficient_scope'))).toBeUndefined()
  })
})
