import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { answerRules, judgeAnswer } from '../../../../agent/identity/introspection/claims.ts'
import { parseAnswer } from '../../../../agent/identity/introspection/question.ts'
import { type Reply, type Setup, setUp, settingsOf } from './support.ts'

const base = {
  kind: 'introspection',
  issuer: 'https://id.example.com',
  audience: ['orders-api', 'https://api.example.com'],
  client: { id: 'edge', secret: 'test-only' },
}
const good = { active: true, sub: 'alice', aud: 'orders-api', token_type: 'Bearer' }

function judge(answer: object, settings: object = {}) {
  const body = parseAnswer(JSON.stringify(answer), 'application/json').body
  return judgeAnswer(body, 'digest', answerRules('corp', settingsOf({ ...base, ...settings })))
}

describe('what an answer may say', () => {
  it.each([
    ['the issuer is another', { iss: 'https://evil.example' }, 'unknown_issuer'],
    ['the issuer is no text', { iss: 1 }, 'unknown_issuer'],
    ['there is no audience', { aud: undefined }, 'claim_missing'],
    ['the audience is another', { aud: ['orders-api2'] }, 'audience_mismatch'],
    ['the audience is no text', { aud: { 0: 'orders-api' } }, 'claim_invalid'],
    ['there is no subject', { sub: undefined }, 'claim_missing'],
    ['the subject is a number', { sub: 1 }, 'claim_invalid'],
    ['the subject holds a line break', { sub: 'alice\r\nx: y' }, 'claim_invalid'],
    ['exp is a text', { exp: '1999999999' }, 'claim_invalid'],
    ['exp is beyond all dates', { exp: 1e300 }, 'claim_invalid'],
    ['iat is null', { iat: null }, 'claim_invalid'],
    ['scope is a number', { scope: 1 }, 'claim_invalid'],
    ['roles are no texts', { roles: [1] }, 'claim_invalid'],
    ['roles are more than anybody has', { roles: Array.from({ length: 513 }, (_, i) => `r${i}`) }, 'claim_invalid'],
    [
      'scopes are more than anybody has',
      { scope: Array.from({ length: 513 }, (_, i) => `s${i}`).join(' ') },
      'claim_invalid',
    ],
    ['there is no type, as of refresh tokens', { token_type: undefined }, 'typ_mismatch'],
    ['the type is another', { token_type: 'mac' }, 'typ_mismatch'],
    ['the type is no text', { token_type: ['Bearer'] }, 'typ_mismatch'],
    ['it is a refresh token (Hydra)', { token_use: 'refresh_token' }, 'typ_mismatch'],
    ['it is a refresh token (Keycloak)', { typ: 'Refresh' }, 'typ_mismatch'],
    ['it is an ID token', { nonce: 'n' }, 'typ_mismatch'],
    ['it is bound in a way unknown to us', { cnf: { jwk: {} } }, 'binding_missing'],
    ['it is bound to nothing', { cnf: {} }, 'binding_missing'],
    ['it is a DPoP token without a key', { token_type: 'DPoP' }, 'binding_missing'],
    ['it is bound to what is no thumbprint', { cnf: { jkt: 'x' } }, 'claim_invalid'],
  ])('refused when %s', (_what, changes, reason) => {
    expect(judge(good)).toMatchObject({ subject: 'alice' })
    expect(judge({ ...good, ...changes })).toBe(reason)
  })

  it('becomes an identity like that of a signed token', () => {
    const x5t = 'A'.repeat(43)
    const identity = judge(
      {
        ...good,
        iss: base.issuer,
        token_type: 'bearer',
        aud: ['x', 'https://api.example.com'],
        exp: 2_000_000_000,
        iat: 1_900_000_000,
        jti: 'j1',
        sid: 's1',
        scope: 'a b',
        roles: ['ops', 'dev'],
        org: { id: 7 },
        plan: 'gold',
        cnf: { 'x5t#S256': x5t },
        __proto__: null,
      },
      { claims: { tenant: ['org', 'id'], variables: { plan: 'plan' } }, roleMap: { ops: ['admin'] } },
    )
    expect(identity).toMatchObject({
      provider: 'corp',
      method: 'introspection',
      issuer: base.issuer,
      subject: 'alice',
      tenant: '7',
      roles: ['admin'],
      scopes: ['a', 'b'],
      expiresAt: 2_000_000_000,
      issuedAt: 1_900_000_000,
      credentialId: 'j1',
      session: 's1',
      digest: 'digest',
      confirmation: { x5t },
      variables: { plan: 'gold' },
    })
    expect(Object.isFrozen(identity)).toBe(true)
  })

  it('may leave out issuer, dates and, where allowed, audience and type', () => {
    const settings = {
      audience: undefined,
      anyAudience: true,
      tokenTypeOptional: true,
      claims: { subject: 'username' },
    }
    expect(judge({ active: true, username: 'bob' }, settings)).toMatchObject({ subject: 'bob', issuer: base.issuer })
    expect(judge({ active: true, username: 'bob', token_type: 'mac' }, settings)).toBe('typ_mismatch')
  })

  it('must fulfil what the provider demands', () => {
    const settings = { tenants: ['acme'], requiredClaims: [{ claim: 'acr', values: ['mfa'] }] }
    expect(judge({ ...good, tenant: 'acme', acr: 'mfa' }, settings)).toMatchObject({ tenant: 'acme' })
    expect(judge({ ...good, tenant: 'other', acr: 'mfa' }, settings)).toBe('claim_invalid')
    expect(judge({ ...good, tenant: 'acme' }, settings)).toBe('claim_missing')
    expect(judge(good, { binding: 'required' })).toBe('binding_missing')
    expect(judge({ ...good, token_type: 'DPoP', cnf: { jkt: 'A'.repeat(43) } })).toMatchObject({
      confirmation: { jkt: 'A'.repeat(43) },
    })
  })
})

describe('hostile answers', () => {
  let setup: Setup
  beforeAll(async () => {
    setup = await setUp()
  })
  afterEach(() => setup.pass(60_000))
  afterAll(() => setup[Symbol.asyncDispose]())

  const deep = `{"active":true,"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
  it.each<[string, Reply, string]>([
    ['HTML', { headers: { 'content-type': 'text/html' }, body: '<p>login</p>' }, 'the answer is not JSON'],
    ['JSON that says it is HTML', { headers: { 'content-type': 'text/html' }, body: good }, 'the answer is not JSON'],
    ['HTML that says it is JSON', { body: '<p>login</p>' }, 'the answer is not JSON'],
    ['nothing', { body: '' }, 'the answer is not JSON'],
    ['an array', { body: '[{"active":true}]' }, 'the answer is no JSON object'],
    ['null', { body: 'null' }, 'the answer is no JSON object'],
    ['no word of active', { body: '{"sub":"alice"}' }, '"active" of the answer is no boolean'],
    ['active as a text', { body: '{"active":"true"}' }, '"active" of the answer is no boolean'],
    ['active twice', { body: '{"active":false,"active":true}' }, 'the answer names a key twice or nests too deeply'],
    [
      'a key twice by an escape',
      { body: '{"active":true,"sub":"a","s\\u0075b":"b"}' },
      'the answer names a key twice or nests too deeply',
    ],
    ['100000 arrays', { headers: {}, body: deep.slice(0, 60_000) }, 'the answer names a key twice or nests too deeply'],
    ['more than 64 KiB', { body: deep }, 'the answer is longer than 65536 bytes'],
    [
      'a redirect',
      { status: 302, headers: { location: 'http://127.0.0.1:1/' } },
      'HTTP 302: redirects are not followed',
    ],
    ['that we are not known', { status: 401 }, 'HTTP 401'],
    ['that the question is bad', { status: 400, body: '{"error":"invalid_request"}' }, 'HTTP 400'],
    ['204', { status: 204 }, 'HTTP 204'],
    [
      'a signed JWT (RFC 9701)',
      { headers: { 'content-type': 'application/token-introspection+jwt; charset=utf-8' }, body: 'eyJ.eyJ.c2ln' },
      'the answer is a signed JWT (RFC 9701): have the provider send this client application/json',
    ],
  ])('%s: unavailable, with an error of our own words', async (what, reply, lastError) => {
    setup.reply(() => reply)
    expect(await setup.outcome(`token-${what.replaceAll(' ', '-')}`)).toBe('introspection_unavailable')
    expect(setup.scheme.status()).toMatchObject({ lastError })
  })

  it('a body that never ends in time is unavailable', async () => {
    const slow = await setUp({ timeout: '100ms' })
    slow.server.answer('/introspect', (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"active":true,')
    })
    expect(await slow.outcome()).toBe('introspection_unavailable')
    expect(slow.scheme.status()).toMatchObject({ lastError: 'no answer within 100 ms' })
    await slow[Symbol.asyncDispose]()
  })

  it('and then an honest one is believed', async () => {
    setup.reply(() => ({ body: setup.active({ constructor: 'x', ['__proto__']: { admin: true } }) }))
    const result = await setup.scheme.authenticate('honest')
    expect(result).toMatchObject({ ok: true, identity: { subject: 'alice' } })
    expect(result.ok && Object.getPrototypeOf(result.identity.claims)).toBeNull()
  })
})
