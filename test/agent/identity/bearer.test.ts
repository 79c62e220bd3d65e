import { describe, expect, it } from 'vitest'
import { extractBearer, MAX_TOKEN_BYTES } from '../../../agent/identity/bearer.ts'

describe('extractBearer', () => {
  it.each(['Bearer abc', 'bearer abc', 'BEARER abc', 'bEaReR   abc'])('takes the token of %j', (value) => {
    expect(extractBearer(value, 1)).toBe('abc')
  })

  it.each([
    ['no header', undefined, 0, 'no_credentials'],
    ['an empty header', '', 1, 'no_credentials'],
    ['another scheme', 'Basic dXNlcjpwYXNz', 1, 'no_credentials'],
    ['another scheme with commas of its own', 'Digest username="x", realm="y"', 1, 'no_credentials'],
    ['a scheme that only begins like ours', 'Bearerx abc', 1, 'no_credentials'],
    ['a bare token', 'eyJhbGciOiJSUzI1NiJ9.e30.x', 1, 'no_credentials'],
    ['the scheme alone', 'Bearer', 1, 'malformed_token'],
    ['the scheme and spaces', 'Bearer   ', 1, 'malformed_token'],
    ['a tab as separator', 'Bearer\tabc', 1, 'malformed_token'],
    ['two headers', 'Bearer abc', 2, 'multiple_credentials'],
    ['two headers of which none is ours', 'Basic abc', 2, 'multiple_credentials'],
    ['two credentials joined by a comma', 'Bearer abc, Bearer def', 1, 'multiple_credentials'],
    ['two joined without a space', 'Bearer abc,def', 1, 'multiple_credentials'],
    ['our scheme joined behind another', 'Basic abc, bearer def', 1, 'multiple_credentials'],
    ['a token of 8 KiB and one byte', `Bearer ${'a'.repeat(MAX_TOKEN_BYTES + 1)}`, 1, 'token_too_large'],
    ['a token of 1 MB', `Bearer ${'a'.repeat(1e6)}`, 1, 'token_too_large'],
  ])('refuses %s', (_what, value, count, reason) => {
    expect(extractBearer(value, count)).toEqual({ ok: false, reason })
  })

  it('takes a token of exactly 8 KiB', () => {
    expect(extractBearer(`Bearer ${'a'.repeat(MAX_TOKEN_BYTES)}`, 1)).toHaveLength(MAX_TOKEN_BYTES)
  })
})
