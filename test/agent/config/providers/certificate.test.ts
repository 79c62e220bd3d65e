import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../../agent/config/load.ts'
import { ConfigError } from '../../../../agent/config/problem.ts'
import type { CertificateProvider } from '../../../../agent/config/providers/certificate.ts'

const yaml = (settings: string): string => `version: 1
spop: { listen: tcp://127.0.0.1:9000 }
temporal: { address: 127.0.0.1:7233 }
identity: { providers: { machines: { kind: certificate, ${settings} } } }
rules: [{ name: all, identity: { require: machines } }]
`

function parsed(settings: string): CertificateProvider {
  const { machines } = parseConfig('agent.yaml', yaml(settings), {}).config.identity.providers
  if (machines?.kind !== 'certificate') throw new Error('another kind')
  return machines
}

function problems(settings: string): string[] {
  try {
    parsed(settings)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ code, message }) => `${code} ${message}`)
    throw error
  }
}

describe('a provider of kind certificate', () => {
  it('takes one or more of everything', () => {
    expect(parsed('source: uri, trustDomains: example.org')).toEqual({
      kind: 'certificate',
      source: 'uri',
      trustDomains: ['example.org'],
      roles: {},
    })
    expect(parsed('source: dns, allow: [a, "*.b"], issuers: CN=x, roles: { a: r, "*.b": [r, s] }, tenant: t')).toEqual({
      kind: 'certificate',
      source: 'dns',
      allow: ['a', '*.b'],
      issuers: ['CN=x'],
      roles: { a: ['r'], '*.b': ['r', 's'] },
      tenant: 't',
    })
  })

  it.each([
    ['no source', 'allow: "**"', /"source" is missing/],
    ['another source', 'source: san, allow: "**"', /^CONFIG_INVALID source/],
    ['nobody who may call', 'source: cn', /^CONFIG_MISSING "allow" is missing/],
    ['any URI at all', 'source: uri', /^CONFIG_MISSING expected "trustDomains", "allow" or both/],
    ['an empty list', 'source: cn, allow: []', /^CONFIG_INVALID/],
    [
      'trust domains of names that have none',
      'source: cn, trustDomains: example.org',
      /^CONFIG_CONFLICT "trustDomains"/,
    ],
    ['a SPIFFE ID for a trust domain', 'source: uri, trustDomains: "spiffe://example.org"', /trust domain such as/],
    ['capitals in a trust domain', 'source: uri, trustDomains: Example.org', /trust domain such as/],
    [
      'segments without SPIFFE IDs',
      'source: cn, allow: a, tenant: { segment: 1 }',
      /^CONFIG_CONFLICT "tenant.segment"/,
    ],
    ['segment 0', 'source: uri, trustDomains: a, tenant: { segment: 0 }', /^CONFIG_INVALID/],
    ['a key that it does not know', 'source: cn, allow: a, subject: x', /^CONFIG_UNKNOWN_KEY/],
  ])('refuses %s', (_what, settings, expected) => {
    expect(problems(settings).join('\n')).toMatch(expected)
  })
})
