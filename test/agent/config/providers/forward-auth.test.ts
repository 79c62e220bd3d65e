import { describe, expect, it } from 'vitest'
import { forwardAuthProvider } from '../../../../agent/config/providers/forward-auth.ts'

const base = { kind: 'forward_auth', preset: 'oauth2-proxy', url: 'https://login.example.com' }

function messages(changes: object): string[] {
  const parsed = forwardAuthProvider.safeParse({ ...base, ...changes })
  return parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
}

describe('a forward-auth provider', () => {
  it('is a preset and a URL', () => {
    expect(forwardAuthProvider.parse(base)).toMatchObject({
      onForbidden: 'policy_denied',
      forward: [],
      cache: { active: 10_000, refused: 1000, maxStale: 0 },
    })
  })

  it('says what it needs where no preset does', () => {
    expect(messages({ preset: 'authentik' })).toEqual([': "cookies" is missing: the name of the session cookie'])
    expect(messages({ preset: undefined })).toEqual([
      ': "cookies" is missing: the name of the session cookie',
      ': "claims.subject" is missing: the header of the answer that names the caller',
    ])
    expect(messages({ preset: undefined, authorization: 'basic', claims: { subject: 'X-User' } })).toEqual([])
  })

  it.each([
    ['a URL without TLS', { url: 'http://login.example.com' }],
    ['headers that are ours to set', { forward: ['X-Forwarded-Host'] }],
    ['cookies by the back door', { forward: ['Cookie'] }],
    ['a header that delimits the request', { forward: ['Content-Length'] }],
    ['variables of the agent', { claims: { variables: { subject: 'X-Name' } } }],
    ['an unknown preset', { preset: 'okta' }],
    ['sessions remembered for long', { cache: { active: '1h' } }],
    ['a cookie name with a space', { cookies: 'a b' }],
  ])('is refused with %s', (_what, changes) => {
    expect(messages(changes)).not.toEqual([])
  })
})
