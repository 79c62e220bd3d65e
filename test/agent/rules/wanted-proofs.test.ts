import { expect, it } from 'vitest'
import { configWith } from '../identity/support/config.ts'
import { wantedProofs } from '../../../agent/rules/wanted-proofs.ts'

const DPOP = 'dpop: { publicBaseUrl: "https://api.example.com" }'
const config = configWith(`  providers:
    must: { issuer: "https://a.example", audience: a, binding: required, ${DPOP} }
    may: { issuer: "https://b.example", audience: a, ${DPOP} }
    plain: { issuer: "https://c.example", audience: a }
    certain: { issuer: "https://d.example", audience: a, binding: required }
    opaque:
      kind: introspection
      issuer: https://e.example
      client: { id: edge, secret: hunter2-hunter2 }
      audience: a
      binding: required
      ${DPOP}
    key: { kind: api_key, file: keys.yaml }
`)

it.each<[string[], string | undefined]>([
  [['must'], 'required'],
  [['opaque'], 'required'],
  [['must', 'opaque'], 'required'],
  [['must', 'key'], 'required'],
  [['may'], 'optional'],
  [['must', 'plain'], 'optional'],
  [['plain', 'may'], 'optional'],
  [['plain'], undefined],
  // By a certificate.
  [['certain'], undefined],
  [['key'], undefined],
  [[], undefined],
])('of %j tokens come with a proof: %s', (providers, wanted) => {
  expect(wantedProofs(config.identity.providers)({ mode: 'any', providers })).toBe(wanted)
})
