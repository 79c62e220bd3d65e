import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { albProvider } from '../../../../agent/config/providers/alb.ts'
import { keysUrlOf } from '../../../../agent/identity/alb/keys-url.ts'
import { createAlbScheme } from '../../../../agent/identity/alb/scheme.ts'
import type { AuthResult } from '../../../../agent/identity/identity.ts'
import type { Scheme } from '../../../../agent/identity/scheme.ts'
import { evidenceOf } from '../support/evidence.ts'
import { type Answer, hang, type JwksServer, startJwksServer, text } from '../support/jwks-server.ts'
import { FakeClock, memoryLog, until } from '../support/provider.ts'
import { testKey } from '../support/tokens.ts'
import { twinOf } from '../support/twins.ts'
import { albKey, albToken, KID, padded, pemOf } from './support.ts'

const ALB = 'arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/orders/50dc6c495c0c9188'
const OTHERS_ALB = 'arn:aws:elasticloadbalancing:eu-west-1:999999999999:loadbalancer/app/evil/50dc6c495c0c9188'
const ISSUER = 'https://idp.example.com/'
const key = albKey()

let server: JwksServer
let scheme: Scheme
const [clock, monotonic] = [new FakeClock(), new FakeClock(1000)]
let log = memoryLog()

beforeEach(async () => {
  server = await startJwksServer()
  server.answer(`/keys/${KID}`, text(pemOf(key)))
  log = memoryLog()
  scheme = make()
})
afterEach(async () => {
  scheme.close?.()
  await server[Symbol.asyncDispose]()
})

function make(changes: Partial<z.input<typeof albProvider>> = {}): Scheme {
  const settings = albProvider.parse({
    kind: 'alb',
    signer: ALB,
    client: 'orders-web',
    issuer: ISSUER,
    keysUrl: `${server.issuer}/keys/`,
    ...changes,
  })
  return createAlbScheme('users', settings, { now: clock.now, monotonicMs: monotonic.now, log })
}

const BALANCER = { signer: ALB, client: 'orders-web', issuer: ISSUER, key }
const token = (header: object = {}, payload: object = {}, signer = key): string =>
  albToken({ ...BALANCER, key: signer }, clock.seconds, header, payload)

const check = async (credential: string, by = scheme): Promise<AuthResult> =>
  await by.authenticate(credential, evidenceOf())
const outcome = async (credential: string, by = scheme): Promise<string> => {
  const result = await check(credential, by)
  return result.ok ? 'ok' : result.reason
}

describe('a token of our load balancer', () => {
  it('names its user; its key is fetched once', async () => {
    const result = await check(token({}, { tenant: 't1', roles: ['admin'] }))
    expect(result).toMatchObject({
      ok: true,
      identity: {
        provider: 'users',
        method: 'jwt',
        issuer: ISSUER,
        subject: 'user-1',
        tenant: 't1',
        roles: ['admin'],
        claims: { email: 'a@example.com' },
        expiresAt: clock.seconds + 120,
      },
    })
    expect(scheme.authenticate(token(), evidenceOf())).toMatchObject({ ok: true })
    expect(server.requests).toEqual([`/keys/${KID}`])
    expect(scheme.status?.()).toMatchObject({
      provider: 'users',
      keys: 1,
      ageS: 0,
      stale: false,
      fetches: { ok: 1, failed: 0 },
    })
  })

  it('lies in x-amzn-oidc-data, or where agent.yaml says', () => {
    expect(scheme.locations.map(({ id }) => id)).toEqual(['header:x-amzn-oidc-data'])
    expect(scheme.needs).toEqual({ headers: ['x-amzn-oidc-data'] })
    expect(make({ header: 'X-Other' }).needs).toEqual({ headers: ['x-other'] })
    expect([token(), 'a.b', 'a.b.c.d', ''].map((credential) => scheme.recognises(credential))).toEqual([
      true,
      false,
      false,
      false,
    ])
  })

  it('has one spelling: padded, canonical, with unique keys', async () => {
    const good = token()
    const [header = '', payload = '', signature = ''] = good.split('.')
    const twice = padded(`{"alg":"ES256","alg":"ES256","kid":"${KID}"}`)
    for (const bad of [
      good.replaceAll('=', ''),
      `${header}.${payload}.${signature.replace('==', '')}`,
      `${header}.${payload}.${signature.replace('==', '=')}`,
      `${header}.${payload}.${signature}====`,
      // Spare bits that are not zero.
      `${header}.${payload}.${signature.replace(/.==$/, 'B==')}`,
      ` ${good}`,
      `${good}\n`,
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `${header}.${payload}.${signature}.${signature}`,
      `${twice}.${payload}.${signature}`,
      `${padded('[]')}.${payload}.${signature}`,
      `${padded('{')}.${payload}.${signature}`,
      token({ crit: ['x'] }),
      token({ jku: 'https://evil.example/' }),
      token({ jwk: {} }),
      token({ x5u: 'https://evil.example/' }),
      token({ alg: undefined }),
      token({ alg: ['ES256'] }),
    ]) {
      expect(await outcome(bad), bad).toBe('malformed_token')
    }
    expect(await outcome('x'.repeat(8193))).toBe('token_too_large')
    expect(server.requests).toEqual([])
  })

  it('is signed with ES256 and nothing else, by the key that it names', async () => {
    for (const alg of ['none', 'HS256', 'RS256', 'ES384', 'es256'])
      expect(await outcome(token({ alg }))).toBe('alg_not_allowed')
    expect(server.requests).toEqual([])
    expect(await outcome(token({}, {}, testKey('ES256', KID)))).toBe('signature_invalid')
    const [header = '', payload = ''] = token().split('.')
    for (const signature of [Buffer.alloc(64), Buffer.alloc(63, 1), Buffer.alloc(65, 1), Buffer.alloc(1)]) {
      expect(await outcome(`${header}.${payload}.${padded(signature)}`)).toBe('signature_invalid')
    }
    const other = padded(JSON.stringify({ sub: 'admin', iss: ISSUER, exp: clock.seconds + 120 }))
    expect(await outcome(token().replace(payload, other))).toBe('signature_invalid')
  })

  it('lives as long as the shorter of its two dates', async () => {
    const [soon, past] = [clock.seconds + 120, clock.seconds - 10]
    expect(await outcome(token({ exp: past }, { exp: soon }))).toBe('expired')
    expect(await outcome(token({ exp: soon }, { exp: past }))).toBe('expired')
    expect(await outcome(token({ exp: past + 1 }, { exp: past + 1 }))).toBe('ok')
    expect(await outcome(token({}, { exp: undefined }))).toBe('claim_missing')
    expect(await outcome(token({ exp: 'soon' }))).toBe('claim_invalid')
    expect(await outcome(token({}, { exp: 1e300 }))).toBe('claim_invalid')
    expect(await outcome(token({}, { iat: soon }))).toBe('issued_in_future')
  })

  it('needs a subject fit for a header', async () => {
    expect(await outcome(token({}, { sub: undefined }))).toBe('claim_missing')
    expect(await outcome(token({}, { sub: 'a\nb' }))).toBe('claim_invalid')
    expect(await outcome(token({}, { tenant: 7 }))).toBe('claim_invalid')
    expect(await outcome(token({}, { roles: [1] }))).toBe('claim_invalid')
    const many = Array.from({ length: 513 }, (_, i) => `r${i}`)
    expect(await outcome(token({}, { roles: many }))).toBe('claim_invalid')
    expect(await outcome(token({}, { roles: many.slice(1) }))).toBe('ok')
    expect(await outcome(token({}, { iss: 'https://other.example.com/' }))).toBe('unknown_issuer')
  })
})

describe('W25: a load balancer that is not ours ("ALBeast"), another client', () => {
  it.each([
    ['signer missing', { signer: undefined }, 'claim_missing'],
    ['signer of another account', { signer: OTHERS_ALB }, 'unknown_issuer'],
    ['signer in another spelling', { signer: `${ALB} ` }, 'unknown_issuer'],
    ['signers in a list', { signer: [ALB] }, 'unknown_issuer'],
    ['client missing', { client: undefined }, 'claim_missing'],
    ['client other', { client: 'another-app' }, 'audience_mismatch'],
    ['client of another type', { client: 7 }, 'audience_mismatch'],
    ['issuer missing', { iss: undefined }, 'claim_missing'],
    ['issuer other', { iss: 'https://evil.example/' }, 'unknown_issuer'],
  ])('%s', async (_name, header, reason) => {
    expect(await outcome(token(header))).toBe(reason)
    expect(server.requests).toEqual([])
  })

  it('of several of ours each will do', async () => {
    const second = ALB.replace('/orders/', '/admin/')
    const both = make({ signer: [ALB, second], client: ['orders-web', 'admin-web'] })
    expect(await outcome(token({ signer: second, client: 'admin-web' }), both)).toBe('ok')
    expect(await outcome(token({ signer: OTHERS_ALB }), both)).toBe('unknown_issuer')
  })
})

describe('W26: kid not a UUID', () => {
  it.each([
    '../../etc/passwd',
    `${KID}/../x`,
    `${KID}?x`,
    `${KID}#`,
    `${KID}\n`,
    ` ${KID}`,
    KID.toUpperCase(),
    KID.replaceAll('-', ''),
    '@evil.example',
    '',
    7,
    undefined,
    [KID],
  ])('%j', async (kid) => {
    expect(await outcome(token({ kid }))).toBe('malformed_token')
    expect(server.requests).toEqual([])
  })
})

describe('keys', () => {
  const newKid = (i: number): string => `0b2b1ac0-7bf0-4d1c-8c4b-${String(i).padStart(12, '0')}`

  it.each([403, 404])('a kid that does not exist (%s) is asked for once a minute', async (status) => {
    server.answer(`/keys/${newKid(1)}`, text('<Error><Code>AccessDenied</Code></Error>', status))
    for (let i = 0; i < 3; i++) expect(await outcome(token({ kid: newKid(1) }))).toBe('unknown_key')
    expect(server.requests).toHaveLength(1)
    monotonic.advance(60_000)
    expect(await outcome(token({ kid: newKid(1) }))).toBe('unknown_key')
    expect(server.requests).toHaveLength(2)
  })

  it('made-up kids cause ten requests at once and two a second, and known keys go on working', async () => {
    expect(await outcome(token())).toBe('ok')
    const outcomes: string[] = []
    for (let i = 0; i < 50; i++) outcomes.push(await outcome(token({ kid: newKid(i) })))
    expect(server.requests).toHaveLength(10)
    expect(outcomes.slice(-41)).toEqual(Array.from({ length: 41 }, () => 'keys_unavailable'))
    expect(await outcome(token())).toBe('ok')
    monotonic.advance(1000)
    const later = [97, 98, 99].map((i) => outcome(token({ kid: newKid(i) })))
    expect(await Promise.all(later)).toEqual(['unknown_key', 'unknown_key', 'keys_unavailable'])
  })

  it('many tokens of a new key wait for one request', async () => {
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => outcome(token())))
    expect(new Set(outcomes)).toEqual(new Set(['ok']))
    expect(server.requests).toHaveLength(1)
  })

  it.each<[string, Answer]>([
    ['5xx', text('oops', 503)],
    ['a redirect', text('', 302, { location: 'https://evil.example/' })],
    ['no PEM', text('hello')],
    ['an RSA key', text(pemOf(testKey('RS256')))],
    ['a key on another curve', text(pemOf(testKey('ES384')))],
    ['a huge answer', text('x'.repeat(100_000))],
  ])('%s is our trouble, and is left alone for a while', async (_name, answer) => {
    server.answer(`/keys/${KID}`, answer)
    expect(await outcome(token())).toBe('keys_unavailable')
    expect(await outcome(token())).toBe('keys_unavailable')
    expect(server.requests).toHaveLength(1)
    server.answer(`/keys/${KID}`, text(pemOf(key)))
    monotonic.advance(2000)
    expect(await outcome(token())).toBe('ok')
    expect(log.lines).toHaveLength(1)
  })

  it('a known key is looked up again after an hour, in the background, and serves for a day while that fails', async () => {
    expect(await outcome(token())).toBe('ok')
    server.answer(`/keys/${KID}`, text('oops', 503))
    monotonic.advance(3_600_000)
    expect(scheme.authenticate(token(), evidenceOf())).toMatchObject({ ok: true })
    await until(() => scheme.status?.().lastError === 'HTTP 503')
    expect(scheme.status?.()).toMatchObject({ stale: true })
    // Not at every request meanwhile: another request goes there and back, and none of ours came with it.
    expect(await outcome(token())).toBe('ok')
    for (let i = 0; i < 2; i++) await (await fetch(`${server.issuer}/other`)).text()
    expect(server.requests.filter((path) => path !== '/other')).toHaveLength(2)
    monotonic.advance(22 * 3_600_000)
    expect(await outcome(token())).toBe('ok')
    await until(() => (scheme.status?.().fetches.failed ?? 0) >= 2)
    monotonic.advance(3_600_000)
    expect(await outcome(token())).toBe('keys_unavailable')
  })

  it('a known key that is gone is believed no longer', async () => {
    expect(await outcome(token())).toBe('ok')
    server.answer(`/keys/${KID}`, text('gone', 404))
    monotonic.advance(3_600_000)
    expect(await outcome(token())).toBe('ok')
    await until(() => scheme.status?.().fetches.ok === 2)
    expect(await outcome(token())).toBe('unknown_key')
  })

  it('closing ends the fetch under way', async () => {
    server.answer(`/keys/${KID}`, hang)
    const waiting = outcome(token())
    await until(() => server.requests.length === 1)
    scheme.close?.()
    expect(await waiting).toBe('keys_unavailable')
  })

  it.each([
    [ALB, 'https://public-keys.auth.elb.eu-west-1.amazonaws.com'],
    [
      ALB.replace('arn:aws:', 'arn:aws-us-gov:').replace('eu-west-1', 'us-gov-east-1'),
      'https://s3-us-gov-east-1.amazonaws.com/aws-elb-public-keys-prod-us-gov-east-1',
    ],
    [
      ALB.replace('arn:aws:', 'arn:aws-cn:').replace('eu-west-1', 'cn-north-1'),
      'https://s3.cn-north-1.amazonaws.com.cn/aws-elb-public-keys-prod-cn-north-1',
    ],
    [ALB.replace('/app/', '/net/'), undefined],
    [ALB.replace('eu-west-1', 'evil.example/#-1'), undefined],
    ['arn:aws:ec2:eu-west-1:111122223333:instance/i-1', undefined],
    ['', undefined],
  ])('of %s lie at %s', (arn, url) => {
    expect(keysUrlOf(arn)).toBe(url)
  })
})

describe('a token and its twin, the other signature that ECDSA allows', () => {
  it('are both genuine, and each is revoked by the digest of the other', async () => {
    const one = token()
    const twin = `${twinOf(one, 'ES256')}==`
    expect(twin).not.toBe(one)
    const [a, b] = [await check(one), await check(twin)]
    if (!a.ok || !b.ok) throw new Error('not genuine')
    expect(a.identity.twinDigest).toBe(b.identity.digest)
    expect(b.identity.twinDigest).toBe(a.identity.digest)
  })
})
