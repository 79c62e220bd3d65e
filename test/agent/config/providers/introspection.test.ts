import { describe, expect, it } from 'vitest'
import { introspectionProvider } from '../../../../agent/config/providers/introspection.ts'

const base = {
  kind: 'introspection',
  issuer: 'https://id.example.com',
  audience: 'orders-api',
  client: { id: 'edge', secret: 'test-only' },
}

function messages(changes: object): string[] {
  const parsed = introspectionProvider.safeParse({ ...base, ...changes })
  return parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
}

describe('an introspection provider', () => {
  it('needs issuer, client and audience, and has careful defaults', () => {
    expect(introspectionProvider.parse(base)).toMatchObject({
      audience: ['orders-api'],
      client: { method: 'client_secret_basic', id: 'edge', secret: { value: 'test-only' } },
      tokens: 'opaque',
      tokenTypeOptional: false,
      cache: { active: 60_000, inactive: 5000, maxStale: 0 },
      timeout: 2000,
      concurrency: 32,
      required: true,
    })
  })

  it('takes every audience only when told so', () => {
    expect(messages({ audience: undefined })).toEqual([
      ': "audience" is missing: the name of your API in tokens, or "anyAudience: true"',
    ])
    expect(messages({ anyAudience: true })).toEqual([': either "audience" or "anyAudience: true"'])
    expect(messages({ audience: undefined, anyAudience: true })).toEqual([])
    expect(messages({ audience: undefined, anyAudience: false })).toHaveLength(1)
  })

  it.each([
    ['an endpoint without TLS', { endpoint: 'http://id.example.com/introspect' }],
    ['an unknown key', { endpont: 'https://id.example.com' }],
    ['a method of client authentication without its key', { client: { method: 'private_key_jwt', id: 'edge' } }],
    ['an unknown method', { client: { method: 'none', id: 'edge' } }],
    ['a secret beside a key file', { client: { method: 'private_key_jwt', id: 'e', keyFile: 'k', secret: 's' } }],
    ['refusals remembered for long', { cache: { inactive: '10s' } }],
    ['an endless cache', { cache: { active: '1d' } }],
    ['no place for tokens', { token: { from: [] } }],
  ])('is refused with %s', (_what, changes) => {
    expect(messages(changes)).not.toEqual([])
  })
})
