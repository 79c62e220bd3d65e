import { describe, expect, it } from 'vitest'
import { locationOf, MAX_CREDENTIAL_BYTES } from '../../../agent/identity/location.ts'
import { evidenceOf, headersOf } from './support/evidence.ts'

const bearer = locationOf({ in: 'authorization', scheme: 'Bearer' })
const read = (authorization: string | undefined, authorizationCount: number) =>
  bearer.read(evidenceOf({ authorization, authorizationCount }))

describe('a bearer token in Authorization', () => {
  it.each(['Bearer abc', 'bearer abc', 'BEARER abc', 'bEaReR   abc'])('takes the token of %j', (value) => {
    expect(read(value, 1)).toBe('abc')
  })

  it.each([
    ['no header', undefined, 0],
    ['an empty header', '', 1],
    ['another scheme', 'Basic dXNlcjpwYXNz', 1],
    ['another scheme with commas of its own', 'Digest username="x", realm="y"', 1],
    ['a scheme that only begins like ours', 'Bearerx abc', 1],
    ['a bare token', 'eyJhbGciOiJSUzI1NiJ9.e30.x', 1],
  ])('finds none in %s', (_what, value, count) => {
    expect(read(value, count)).toBeUndefined()
  })

  it.each([
    ['the scheme alone', 'Bearer', 1, 'malformed_token'],
    ['the scheme and spaces', 'Bearer   ', 1, 'malformed_token'],
    ['a tab as separator', 'Bearer\tabc', 1, 'malformed_token'],
    ['two headers', 'Bearer abc', 2, 'multiple_credentials'],
    ['two headers of which none is ours', 'Basic abc', 2, 'multiple_credentials'],
    ['two credentials joined by a comma', 'Bearer abc, Bearer def', 1, 'multiple_credentials'],
    ['two joined without a space', 'Bearer abc,def', 1, 'multiple_credentials'],
    ['our scheme joined behind another', 'Basic abc, bearer def', 1, 'multiple_credentials'],
    ['a token of 8 KiB and one byte', `Bearer ${'a'.repeat(MAX_CREDENTIAL_BYTES + 1)}`, 1, 'token_too_large'],
    ['a token of 1 MB', `Bearer ${'a'.repeat(1e6)}`, 1, 'token_too_large'],
  ])('refuses %s', (_what, value, count, reason) => {
    expect(read(value, count)).toEqual({ ok: false, reason })
  })

  it('takes a token of exactly 8 KiB', () => {
    expect(read(`Bearer ${'a'.repeat(MAX_CREDENTIAL_BYTES)}`, 1)).toHaveLength(MAX_CREDENTIAL_BYTES)
  })
})

describe('a credential in a cookie', () => {
  const session = locationOf({ in: 'cookie', name: 'session' })
  const cookie = (value: string, count = 1) =>
    session.read(evidenceOf({ headers: new Map([['cookie', { value, count }]]) }))

  it.each(['session=abc', 'a=b; session=abc', 'session=abc;xsession=def', ' session = abc ; Session=x'])(
    'is read from %j',
    (value) => expect(cookie(value)).toBe('abc'),
  )

  it.each(['', 'a=b', 'xsession=abc', 'session', 'session=', 'Session=abc'])('is not there in %j', (value) => {
    expect(cookie(value)).toBeUndefined()
  })

  it('is refused when there are two, for servers choose differently', () => {
    expect(cookie('session=a; session=b')).toMatchObject({ reason: 'multiple_credentials' })
    expect(cookie('session=a; session=a')).toMatchObject({ reason: 'multiple_credentials' })
  })

  it('is refused when another Cookie field may hold a second one', () => {
    expect(cookie('session=a', 2)).toMatchObject({ reason: 'multiple_credentials' })
    expect(cookie('a=b', 2)).toMatchObject({ reason: 'multiple_credentials' })
  })

  it('is refused when it is too large', () => {
    expect(cookie(`session=${'a'.repeat(MAX_CREDENTIAL_BYTES + 1)}`)).toMatchObject({ reason: 'token_too_large' })
  })
})

describe('a credential in the query', () => {
  const location = locationOf({ in: 'query', name: 'access_token' })
  const query = (value: string) => location.read(evidenceOf({ query: value }))

  it('is read and decoded', () => {
    expect(query('a=1&access_token=x%2Ey&b')).toBe('x.y')
  })

  it.each(['', 'a=1', 'access_token', 'access_token=', 'xaccess_token=1', 'ACCESS_TOKEN=1'])(
    'is not there in %j',
    (value) => expect(query(value)).toBeUndefined(),
  )

  it.each(['access_token=a&access_token=b', 'access_token=a&access%5Ftoken=b', 'access_token=a&access_token'])(
    'is refused twice, in whatever spelling: %j',
    (value) => expect(query(value)).toMatchObject({ reason: 'multiple_credentials' }),
  )

  it('is refused with broken escapes', () => {
    expect(query('access_token=%zz')).toMatchObject({ reason: 'malformed_token' })
  })
})

describe('a credential in a header of its own', () => {
  const location = locationOf({ in: 'header', name: 'X-Api-Key', prefix: 'ht_' })

  it('is what follows the prefix', () => {
    expect(location.read(evidenceOf({ headers: headersOf({ 'x-api-key': 'ht_abc' }) }))).toBe('abc')
  })

  it('is not there under another prefix', () => {
    expect(location.read(evidenceOf({ headers: headersOf({ 'x-api-key': 'abc' }) }))).toBeUndefined()
  })

  it('is refused when the header comes twice', () => {
    const headers = new Map([['x-api-key', { value: 'ht_abc', count: 2 }]])
    expect(location.read(evidenceOf({ headers }))).toMatchObject({ reason: 'multiple_credentials' })
  })

  it('is refused when the header comes twice, though the last one is empty', () => {
    const headers = new Map([['x-api-key', { value: '', count: 2 }]])
    expect(location.read(evidenceOf({ headers }))).toMatchObject({ reason: 'multiple_credentials' })
  })

  it('is one object for one place, whatever the spelling', () => {
    expect(locationOf({ in: 'header', name: 'x-api-key', prefix: 'ht_' })).toBe(location)
    expect(locationOf({ in: 'header', name: 'x-api-key' })).not.toBe(location)
  })
})
