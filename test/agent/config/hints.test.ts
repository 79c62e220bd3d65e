import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { defaultHint } from '../../../agent/config/hints.ts'
import { ROOT } from '../../../agent/dev/tools.ts'
import { ERRORS, type ErrorCode } from '../../../agent/errors.ts'
import { problemsOf, provider } from './bad-files/row.ts'

const ISSUERS = 'issuer: ["https://a.example", "https://b.example"], audience: a'

describe('what goes together in no provider', () => {
  it.each([
    [
      '{ kind: aws, audience: a, accounts: ["123456789012"], regions: [eu-west-1], hosts: [sts.amazonaws.com] }',
      'Remove "regions", or "hosts".',
    ],
    ['{ kind: aws, audience: a, accounts: ["123456789012"], audienceHeader: host }', 'a name each'],
    [
      '{ kind: introspection, issuer: "https://a.example", audience: a, anyAudience: true, client: { id: a, secret: { file: b } } }',
      'Remove "anyAudience"',
    ],
    ['{ kind: webhook, scheme: hmac, secrets: { file: a }, header: x-sig, algorithm: sha1 }', 'algorithm: sha256'],
    [
      '{ kind: webhook, scheme: hmac, secrets: { file: a }, header: x-sig, signed: "{timestamp}.{body}" }',
      'leave out both',
    ],
    [
      '{ kind: webhook, scheme: hmac, secrets: { file: a }, header: x-sig, signed: "{id}.{body}" }',
      'Add `idHeader: x-request-id`',
    ],
    [
      '{ kind: webhook, scheme: hmac, secrets: { file: a }, header: x-sig, signed: "{bdy}" }',
      'signed: "{timestamp}.{body}"',
    ],
    ['{ kind: webhook, scheme: hmac, secrets: { file: a } }', 'Add `header: x-signature`'],
    [`{ ${ISSUERS}, jwksUri: "https://a.example/k" }`, 'Remove "jwksUri" and "jwksUris".'],
    ['{ preset: google, audience: a }', 'Add `hostedDomains: [example.com]`'],
    ['{ preset: aws-sts, audience: a, accounts: {} }', 'Add an account and its issuer'],
    [
      '{ preset: aws-sts, audience: a, accounts: { "123456789012": "https://a.example", "123456789013": "https://a.example" } }',
      'Correct one of the issuers.',
    ],
    [
      '{ preset: keycloak, issuer: "https://id.example.com/realms/a", audience: account }',
      'Name an audience of your API',
    ],
    [
      '{ issuer: "https://a.example", audience: a, token: { from: { header: authorization } } }',
      'Write "authorization".',
    ],
    ['{ issuer: "https://a.example", audience: a, token: { from: { header: cookie } } }', 'Write { cookie: <name> }.'],
    ['{ issuer: ["https://a.example", "https://a.example"], audience: a }', 'Remove one of the two.'],
  ])('%s', (yaml, hint) => {
    const problems = problemsOf(provider(yaml))
    expect(problems.map((found) => found.hint)).toEqual([expect.stringContaining(hint)])
  })
})

/** The refusals that stand in the schema, as far as they are one literal. */
function refusals(): [code: ErrorCode, message: string][] {
  return ['agent/config', 'agent/config/providers', 'agent/identity/presets'].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.ts'))
      .flatMap((name) => {
        const source = readFileSync(join(ROOT, folder, name), 'utf8')
        return [...source.matchAll(/refuse\(\s*ctx,\s*'(CONFIG_\w+)',\s*(['`])([\s\S]*?)\2/g)].map(
          ([, code = '', , message = '']): [ErrorCode, string] => [
            code as ErrorCode,
            message.replace(/\$\{[^}]*\}/g, '7'),
          ],
        )
      }),
  )
}

it('every refusal of the schema has a hint of its own: see agent/config/refusal-hints.ts', () => {
  const general = refusals().filter(([code]) => code === 'CONFIG_MISSING' || code === 'CONFIG_CONFLICT')
  expect(general.length).toBeGreaterThan(20)
  expect(general.filter(([code, message]) => defaultHint(code, ['x'], message) === ERRORS[code])).toEqual([])
})
