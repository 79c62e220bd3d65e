import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../agent/config/load.ts'
import { identityOf } from '../../../agent/identity/from-config.ts'
import { memoryLog } from './support/provider.ts'

const METADATA = 'https://api.example.com/.well-known/oauth-protected-resource'
const YAML = `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
rules: []
identity:
  providers:
    plain: { issuer: "https://a.example", audience: a }
    told: { issuer: "https://b.example", audience: a, resourceMetadata: "${METADATA}" }
    other: { issuer: "https://c.example", audience: a, resourceMetadata: "${METADATA}/other" }
    opaque:
      kind: introspection
      issuer: https://d.example
      client: { id: edge, secret: hunter2-hunter2 }
      audience: a
      resourceMetadata: ${METADATA}/opaque
    key: { kind: api_key, file: keys.yaml }
`

describe('what a configuration makes of identity', () => {
  it.each<[string[], string | undefined]>([
    [['told'], METADATA],
    [['plain', 'told'], METADATA],
    [['key', 'other', 'told'], `${METADATA}/other`],
    [['opaque'], `${METADATA}/opaque`],
    [['plain', 'opaque', 'told'], `${METADATA}/opaque`],
    [['plain'], undefined],
    [['key'], undefined],
    [[], undefined],
  ])('the resource metadata of %j is that of the first that names one', (providers, url) => {
    const parts = identityOf(parseConfig('agent.yaml', YAML, {}).config, memoryLog())
    try {
      expect(parts.resourceMetadata({ mode: 'any', providers })).toBe(url)
    } finally {
      parts.close()
    }
  })
})
