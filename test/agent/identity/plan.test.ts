import { describe, expect, it } from 'vitest'
import { type Authenticator, createAuthenticator } from '../../../agent/identity/authenticator.ts'
import type { Evidence } from '../../../agent/identity/evidence.ts'
import { type AuthResult, authenticated, identityOf } from '../../../agent/identity/identity.ts'
import { type LocationConfig, locationOf } from '../../../agent/identity/location.ts'
import { denied, type DenyReason } from '../../../agent/identity/reasons.ts'
import type { Scheme } from '../../../agent/identity/scheme.ts'
import { anyOf, evidenceOf, headersOf } from './support/evidence.ts'
import { memoryLog } from './support/provider.ts'

/** A scheme that knows the credential `<name>`, and refuses every other. */
function schemeOf(name: string, places: LocationConfig[], late = false): Scheme & { asked: string[] } {
  const asked: string[] = []
  return {
    name,
    asked,
    locations: places.map(locationOf),
    recognises: (credential) => credential.startsWith(name),
    authenticate(credential): AuthResult | Promise<AuthResult> {
      asked.push(credential)
      if (credential === 'throw') throw new Error('a defect')
      const known = identityOf({ provider: name, method: 'api_key', issuer: name, subject: `of ${name}`, digest: name })
      const result = credential === name || credential === '' ? authenticated(known) : denied('inactive')
      return late ? Promise.resolve(result) : result
    },
  }
}

const BEARER: LocationConfig = { in: 'authorization', scheme: 'bearer' }
const KEY: LocationConfig = { in: 'header', name: 'x-api-key' }
const COOKIE: LocationConfig = { in: 'cookie', name: 'session' }
const CERTIFICATE: LocationConfig = { in: 'certificate' }
const certificate = { verify: 0, der: new Uint8Array([1]) }

function setUp(...schemes: Scheme[]): Authenticator {
  return createAuthenticator([], { log: memoryLog(), schemes: () => schemes })
}
const all = (...providers: string[]) => ({ mode: 'all' as const, providers })
const subjectOf = async (result: AuthResult | Promise<AuthResult>): Promise<string> => {
  const settled = await result
  return settled.ok ? settled.identity.subject : settled.reason
}

describe('any of several providers', () => {
  const token = schemeOf('token', [BEARER])
  const opaque = schemeOf('opaque', [BEARER, COOKIE])
  const key = schemeOf('key', [KEY])
  const mesh = schemeOf('mesh', [CERTIFICATE])
  const auth = setUp(token, opaque, key, mesh)
  const requirement = anyOf('token', 'opaque', 'key', 'mesh')
  const ask = (parts: Partial<Evidence>): Promise<string> =>
    subjectOf(auth.authenticate(requirement, evidenceOf(parts)))

  it.each<[string, Partial<Evidence>, string]>([
    ['the one whose form it has', { authorization: 'Bearer opaque' }, 'of opaque'],
    ['the one at whose place it lies', { headers: headersOf({ 'x-api-key': 'key' }) }, 'of key'],
    ['the certificate when there is nothing else', { certificate }, 'of mesh'],
    ['the token when there is a certificate too', { certificate, authorization: 'Bearer token' }, 'of token'],
  ])('ask %s', async (_what, parts, expected) => expect(await ask(parts)).toBe(expected))

  it.each<[string, Partial<Evidence>, DenyReason]>([
    ['nothing', {}, 'no_credentials'],
    [
      'a token and a key',
      { authorization: 'Bearer token', headers: headersOf({ 'x-api-key': 'key' }) },
      'multiple_credentials',
    ],
    [
      'a token and a cookie',
      { authorization: 'Bearer token', headers: headersOf({ cookie: 'session=x' }) },
      'multiple_credentials',
    ],
    [
      'two of the same',
      { authorization: 'Bearer opaque', headers: headersOf({ cookie: 'session=opaque' }) },
      'multiple_credentials',
    ],
    ['what nobody recognises', { authorization: 'Bearer other' }, 'malformed_token'],
    ['an invalid token beside a valid certificate', { authorization: 'Bearer tokenx', certificate }, 'inactive'],
  ])('refuse %s', async (_what, parts, reason) => expect(await ask(parts)).toBe(reason))

  it('never ask a second one after the first has refused', async () => {
    token.asked.length = 0
    opaque.asked.length = 0
    await ask({ authorization: 'Bearer token-of-somebody' })
    expect([token.asked, opaque.asked]).toEqual([['token-of-somebody'], []])
  })

  it('ask the only one at a place whatever the form, so that its reason is the precise one', async () => {
    expect(
      await subjectOf(auth.authenticate(anyOf('key'), evidenceOf({ headers: headersOf({ 'x-api-key': '?' }) }))),
    ).toBe('inactive')
  })

  it('count what happened by provider', () => {
    const { counters } = setUp()
    expect(counters.providers).toEqual([''])
    const row = auth.counters.providers.indexOf('mesh') * auth.counters.outcomes.length
    expect(auth.counters.results[row]).toBe(1)
  })
})

describe('all of several providers', () => {
  const token = schemeOf('token', [BEARER], true)
  const key = schemeOf('key', [KEY])
  const mesh = schemeOf('mesh', [CERTIFICATE])
  const auth = setUp(token, key, mesh)
  const ask = (requirement: ReturnType<typeof all>, parts: Partial<Evidence>): Promise<string> =>
    subjectOf(auth.authenticate(requirement, evidenceOf(parts)))
  const both = { authorization: 'Bearer token', certificate }

  it('name the caller that the first one knows', async () => {
    expect(await ask(all('token', 'mesh'), both)).toBe('of token')
    expect(await ask(all('mesh', 'token'), both)).toBe('of mesh')
  })

  it('stay synchronous where each one is', () => {
    const headers = headersOf({ 'x-api-key': 'key' })
    expect(auth.authenticate(all('mesh', 'key'), evidenceOf({ certificate, headers }))).not.toBeInstanceOf(Promise)
  })

  it.each<[string, Partial<Evidence>, DenyReason]>([
    ['the token is missing', { certificate }, 'no_credentials'],
    ['the certificate is missing', { authorization: 'Bearer token' }, 'client_cert_required'],
    ['one of them is invalid', { authorization: 'Bearer no', certificate }, 'inactive'],
  ])('refuse when %s', async (_what, parts, reason) => {
    expect(await ask(all('token', 'mesh'), parts)).toBe(reason)
    expect(await ask(all('mesh', 'token'), parts)).toBe(reason)
  })
})

describe('all of providers that look at the same place', () => {
  it('prove nobody, for one credential would stand for both', async () => {
    const auth = setUp(schemeOf('one', [KEY]), schemeOf('other', [KEY]))
    const evidence = evidenceOf({ headers: headersOf({ 'x-api-key': 'one' }) })
    expect(await subjectOf(auth.authenticate(all('one', 'other'), evidence))).toBe('internal_error')
  })
})

describe('a scheme with a defect', () => {
  it('denies, tells the place and nothing of the credential', () => {
    const log = memoryLog()
    const auth = createAuthenticator([], { log, schemes: () => [schemeOf('key', [KEY])] })
    const result = auth.authenticate(anyOf('key'), evidenceOf({ headers: headersOf({ 'x-api-key': 'throw' }) }))
    expect(result).toEqual({ ok: false, reason: 'internal_error' })
    expect(log.lines.join()).toContain('authentication failed unexpectedly')
    expect(log.lines.join()).not.toContain('a defect')
  })
})

describe('what is asked at every request', () => {
  it('has the last word, whatever a scheme remembers', async () => {
    let reason: DenyReason | undefined
    const checks = [() => undefined, () => reason]
    const auth = createAuthenticator([], { log: memoryLog(), schemes: () => [schemeOf('key', [KEY])], checks })
    const ask = (): Promise<string> =>
      subjectOf(auth.authenticate(anyOf('key'), evidenceOf({ headers: headersOf({ 'x-api-key': 'key' }) })))
    expect(await ask()).toBe('of key')
    reason = 'revoked'
    expect(await ask()).toBe('revoked')
  })
})
