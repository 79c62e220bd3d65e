import { describe, expect, it } from 'vitest'
import { assertProviders } from '../../../agent/identity/config.ts'
import { endpointUrl } from '../../../agent/identity/endpoint.ts'
import { provider } from './support/provider.ts'

const ISSUER = 'https://idp.example'

describe('assertProviders', () => {
  it('accepts what the defaults make, and several issuers of one name', () => {
    expect(() =>
      assertProviders([provider(ISSUER), provider('https://b.example'), provider(ISSUER, { name: 'b' })]),
    ).not.toThrow()
  })

  it.each([
    ['two of one name and issuer', [provider(ISSUER), provider(ISSUER)]],
    ['a slash in the name', [provider(ISSUER, { name: 'a/b' })]],
    ['no audience', [provider(ISSUER, { audience: [] })]],
    ['an empty audience', [provider(ISSUER, { audience: [''] })]],
    ['a symmetric algorithm', [provider(ISSUER, { algorithms: ['HS256'] })]],
    ['alg none', [provider(ISSUER, { algorithms: ['none'] })]],
    ['no algorithm', [provider(ISSUER, { algorithms: [] })]],
    ['a skew that is no number', [provider(ISSUER, { clockSkewS: Number.NaN })]],
    ['a skew of a day', [provider(ISSUER, { clockSkewS: 86_400 })]],
    ['plain http to another machine', [provider('http://idp.example')]],
    ['plain http keys of another machine', [provider(ISSUER, { jwksUri: 'http://idp.example/jwks' })]],
  ])('refuses %s', (_what, providers) => {
    expect(() => assertProviders(providers)).toThrow(TypeError)
  })
})

describe('endpointUrl', () => {
  it.each(['https://idp.example/x', 'http://127.0.0.1:9/x', 'http://localhost/x', 'http://[::1]:9/x'])(
    'allows %s',
    (url) => {
      expect(endpointUrl(url)?.href).toBe(url)
    },
  )

  it.each([
    'http://idp.example',
    'http://127.0.0.1.evil.example',
    'http://localhost.evil.example',
    'ftp://127.0.0.1',
    'file:///etc/passwd',
    'https://user:pass@idp.example',
    'idp.example',
    '',
  ])('refuses %s', (url) => {
    expect(endpointUrl(url)).toBeUndefined()
  })
})
