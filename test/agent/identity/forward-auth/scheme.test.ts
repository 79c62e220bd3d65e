import { afterEach, describe, expect, it } from 'vitest'
import { digestOf } from '../../../../agent/identity/forward-auth/question.ts'
import { hang } from '../support/jwks-server.ts'
import { headersOf } from '../support/evidence.ts'
import { type Setup, setUp, withCookies } from './support.ts'

const setups: Setup[] = []
async function start(changes?: Record<string, unknown>, path?: string): Promise<Setup> {
  const setup = await setUp(changes, path)
  setups.push(setup)
  return setup
}
afterEach(async () => {
  for (const setup of setups.splice(0)) await setup[Symbol.asyncDispose]()
})

const session = withCookies('_oauth2_proxy=abc')
const everything = ['host', 'path', 'query', 'method', 'source']

describe('what the auth server is told', () => {
  it('the session’s cookies alone, in all their parts, and who asks for what where', async () => {
    const setup = await start()
    const evidence = withCookies(
      'lang=de; _oauth2_proxy_0=abc; tracker=1; _oauth2_proxy_1=d=f|g; _oauth2_proxy_csrf=x; my_oauth2_proxy=y',
      { authorization: 'Bearer not-for-you', path: '/orders', query: 'a=1' },
    )
    expect(await setup.outcome(evidence)).toBe('alice')
    expect(setup.questions).toEqual([
      {
        cookie: '_oauth2_proxy_0=abc; _oauth2_proxy_1=d=f|g',
        'x-forwarded-method': 'GET',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'www.example.com',
        'x-forwarded-uri': '/',
        'x-original-method': 'GET',
        'x-original-url': 'https://www.example.com/',
      },
    ])
  })

  it('all that its decision depends on, where the provider says so', async () => {
    const setup = await start({ per: everything })
    const request = { method: 'DELETE', host: 'shop.example.com:8443', source: '2001:db8::1', tls: false }
    await setup.outcome(withCookies('_oauth2_proxy=abc', { ...request, path: '/a#b/\xc3\xa9 "', query: 'q=\xff#x' }))
    expect(setup.questions).toMatchObject([
      {
        'x-forwarded-method': 'DELETE',
        'x-forwarded-proto': 'http',
        'x-forwarded-host': 'shop.example.com:8443',
        'x-forwarded-uri': '/a%23b/%C3%A9%20"?q=%FF%23x',
        'x-forwarded-for': '2001:db8::1',
        'x-original-method': 'DELETE',
        'x-original-url': 'http://shop.example.com:8443/a%23b/%C3%A9%20"?q=%FF%23x',
      },
    ])
  })

  it('headers by an allow-list, and Authorization by its scheme', async () => {
    const setup = await start({ authorization: 'basic', forward: ['X-Device'] })
    expect(setup.scheme.needs).toEqual({ headers: ['cookie', 'x-device'] })
    const headers = headersOf({ 'x-device': 'd1', 'x-forwarded-user': 'admin', 'x-other': '1' })
    const basic = withCookies('', { headers, authorization: 'Basic YTpi' })
    expect(await setup.outcome(basic)).toBe('alice')
    expect(setup.questions[0]).toMatchObject({ authorization: 'Basic YTpi', 'x-device': 'd1' })
    expect(Object.keys(setup.questions[0] ?? {}).join()).not.toMatch(/cookie|x-other|x-forwarded-user/)
    expect(await setup.outcome(withCookies('', { authorization: 'Bearer x' }))).toBe('no_credentials')
  })

  it('nothing by a request that cannot be told', async () => {
    const setup = await start({ per: everything, forward: ['x-device'], authorization: 'basic' })
    const cases: [string, Parameters<typeof withCookies>][] = [
      ['no_credentials', ['']],
      ['no_credentials', ['other=1; _oauth2_proxy=']],
      ['multiple_credentials', ['_oauth2_proxy=a; _oauth2_proxy=b']],
      ['multiple_credentials', ['_oauth2_proxy=a', {}, 2]],
      ['malformed_token', ['_oauth2_proxy=a\x01b']],
      ['malformed_token', ['_oauth2_proxy=\xfc']],
      ['token_too_large', [`_oauth2_proxy_0=${'x'.repeat(8000)}; _oauth2_proxy_1=${'x'.repeat(5000)}`]],
      ['ambiguous_host', ['_oauth2_proxy=a', { host: 'evil.example/x?' }]],
      ['ambiguous_host', ['_oauth2_proxy=a', { host: 'user@evil.example' }]],
      ['ambiguous_host', ['_oauth2_proxy=a', { host: '' }]],
      ['malformed_token', ['_oauth2_proxy=a', { method: 'GE\rT' }]],
      ['malformed_token', ['_oauth2_proxy=a', { headers: headersOf({ 'x-device': 'a\nb' }) }]],
      ['malformed_token', ['', { authorization: 'Basic a\xfc' }]],
      ['multiple_credentials', ['', { authorization: 'Basic a', authorizationCount: 2 }]],
    ]
    for (const [reason, parts] of cases) expect(await setup.outcome(withCookies(...parts)), reason).toBe(reason)
    expect(setup.questions).toEqual([])
    expect(setup.scheme.cache.isPaused).toBe(false)
  })
})

describe('what it answers', () => {
  it.each<[string, object, string, Record<string, string>, object]>([
    [
      'oauth2-proxy',
      { preset: 'oauth2-proxy' },
      '/oauth2/auth',
      { 'x-auth-request-user': 'u1', 'x-auth-request-email': 'a@b.c', 'x-auth-request-groups': 'ops,dev' },
      { subject: 'u1', roles: ['ops', 'dev'], claims: { email: 'a@b.c', groups: ['ops', 'dev'] } },
    ],
    [
      'authelia',
      { preset: 'authelia', cookies: '_oauth2_proxy' },
      '/api/authz/auth-request',
      { 'remote-user': 'john', 'remote-groups': 'admins,dev', 'remote-email': 'j@b.c', 'remote-name': 'John' },
      { subject: 'john', roles: ['admins', 'dev'], claims: { email: 'j@b.c', groups: ['admins', 'dev'] } },
    ],
    [
      'authentik',
      { preset: 'authentik', cookies: '_oauth2_proxy' },
      '/outpost.goauthentik.io/auth/nginx',
      { 'x-authentik-username': 'akadmin', 'x-authentik-groups': 'authentik Admins|a,b', 'x-authentik-email': 'r@l' },
      { subject: 'akadmin', roles: ['authentik Admins', 'a,b'], claims: { email: 'r@l' } },
    ],
    [
      'a server of its own',
      {
        preset: undefined,
        cookies: '_oauth2_proxy',
        claims: { subject: 'X-User', tenant: 'X-Tenant', roles: 'X-Roles' },
      },
      '/',
      { 'x-user': 'u', 'x-tenant': 't', 'x-roles': 'a', 'x-auth-request-email': 'not@asked.for' },
      { subject: 'u', tenant: 't', roles: ['a'], claims: { groups: ['a'] } },
    ],
  ])('of %s becomes the caller', async (_name, changes, path, headers, identity) => {
    const setup = await start({ ...changes }, path)
    setup.reply(200, headers)
    const result = await setup.ask(session)
    expect(result).toMatchObject({
      ok: true,
      identity: { provider: 'sso', method: 'forward_auth', issuer: setup.server.issuer, ...identity },
    })
    expect(setup.ask(session)).toBe(result) // no promise: known
  })

  it('variables too, as UTF-8, none of them where it says nothing', async () => {
    const setup = await start({ claims: { variables: { display_name: 'X-Name', plan: 'X-Plan' } } })
    const name = Buffer.from('Zoë 😀').toString('latin1')
    setup.reply(200, { 'x-auth-request-user': 'u', 'x-name': name })
    expect(await setup.ask(session)).toMatchObject({
      identity: { variables: { display_name: 'Zoë 😀' }, claims: { display_name: 'Zoë 😀' } },
    })
  })

  it.each<[string, number, Record<string, string | string[]>, string]>([
    ['401', 401, {}, 'inactive'],
    ['a redirect to the login page', 302, { location: 'https://login.example.com/' }, 'inactive'],
    ['a redirect to it after a POST', 303, { location: 'https://login.example.com/' }, 'inactive'],
    ['403', 403, {}, 'policy_denied'],
    ['yes without a name: a path left open, or a login page', 200, {}, 'claim_missing'],
    ['an empty name', 200, { 'x-auth-request-user': '' }, 'claim_missing'],
    ['two names', 200, { 'x-auth-request-user': ['alice', 'admin'] }, 'claim_invalid'],
    ['two lists of groups', 200, { 'x-auth-request-user': 'a', 'x-auth-request-groups': ['a', 'b'] }, 'claim_invalid'],
    ['a name that is no UTF-8', 200, { 'x-auth-request-user': 'a\xff' }, 'claim_invalid'],
    [
      'more groups than anybody has',
      200,
      { 'x-auth-request-user': 'a', 'x-auth-request-groups': Array.from({ length: 513 }, (_, i) => `g${i}`).join(',') },
      'claim_invalid',
    ],
    ['a name with a control character', 200, { 'x-auth-request-user': 'a\tb' }, 'claim_invalid'],
    ['500', 500, {}, 'forward_auth_unavailable'],
    ['404', 404, {}, 'forward_auth_unavailable'],
    ['400', 400, {}, 'forward_auth_unavailable'],
    ['301', 301, { location: '/' }, 'forward_auth_unavailable'],
  ])('%s is told apart', async (_what, status, headers, reason) => {
    const setup = await start()
    setup.reply(status, headers)
    expect(await setup.outcome(session)).toBe(reason)
  })

  it('403 asks for a login where the provider says so', async () => {
    const setup = await start({ onForbidden: 'inactive' })
    setup.reply(403)
    expect(await setup.outcome(session)).toBe('inactive')
  })

  it('no end, or more than we read, is unavailable', async () => {
    const setup = await start({ timeout: '50ms' })
    setup.reply(200, { 'x-auth-request-user': 'a' }, 'x'.repeat(70_000))
    expect(await setup.outcome(session)).toBe('forward_auth_unavailable')
    setup.server.answer('/oauth2/auth', hang)
    expect(await setup.outcome(withCookies('_oauth2_proxy=other'))).toBe('forward_auth_unavailable')
    expect(setup.scheme.status()).toMatchObject({ lastError: 'no answer within 50 ms' })
  })
})

it('no two questions are written alike', () => {
  const questions: Record<string, string>[] = [
    { a: 'b', c: 'd' },
    { a: 'bc', '': 'd' },
    { ab: 'c', d: '' },
    { ab: 'cd' },
    { a: 'bcd' },
    {},
  ]
  expect(new Set(questions.map(digestOf)).size).toBe(questions.length)
})

describe('what is remembered', () => {
  it('a good session for some seconds, a refusal for a moment', async () => {
    const setup = await start()
    expect(await setup.outcome(session)).toBe('alice')
    setup.reply(401)
    setup.clock.advance(9999)
    expect(await setup.outcome(session)).toBe('alice')
    setup.clock.advance(1)
    expect(await setup.outcome(session)).toBe('inactive')
    setup.reply(200, { 'x-auth-request-user': 'alice' })
    setup.clock.advance(1000)
    expect(await setup.outcome(session)).toBe('alice')
    expect(setup.questions).toHaveLength(3)
  })

  it('for nothing else than what was told: session, host, TLS, forwarded headers', async () => {
    const setup = await start({ forward: ['x-device'] })
    const requests = [
      session,
      withCookies('_oauth2_proxy=abd'),
      withCookies('_oauth2_proxy=ab; _oauth2_proxy_0=c'),
      withCookies('_oauth2_proxy=abc', { host: 'other.example.com' }),
      withCookies('_oauth2_proxy=abc', { tls: false }),
      withCookies('_oauth2_proxy=abc', { headers: headersOf({ 'x-device': '1' }) }),
    ]
    for (let i = 0; i < 2; i++) for (const request of requests) expect(await setup.outcome(request)).toBe('alice')
    expect(setup.questions).toHaveLength(requests.length)
  })

  it('for all paths where the server is told none, for each one where it is', async () => {
    const [whole, each] = [await start(), await start({ per: everything })]
    const requests = [
      withCookies('_oauth2_proxy=abc', { path: '/public' }),
      withCookies('_oauth2_proxy=abc', { path: '/admin' }),
      withCookies('_oauth2_proxy=abc', { path: '/admin', query: 'x' }),
      withCookies('_oauth2_proxy=abc', { path: '/admin', method: 'POST' }),
      withCookies('_oauth2_proxy=abc', { path: '/admin', source: '192.0.2.2' }),
    ]
    for (const request of requests) await Promise.all([whole.outcome(request), each.outcome(request)])
    expect([whole.questions.length, each.questions.length]).toEqual([1, 5])
  })

  it('of many requests at once by one question', async () => {
    const setup = await start()
    await Promise.all(Array.from({ length: 50 }, async () => setup.outcome(session)))
    expect(setup.questions).toHaveLength(1)
  })

  it('holds no session', async () => {
    const setup = await start()
    const secret = withCookies('_oauth2_proxy=s3cret')
    const result = await setup.ask(secret)
    setup.reply(500)
    await setup.outcome(withCookies('_oauth2_proxy=s3cret2'))
    expect(JSON.stringify([result, setup.scheme.status(), setup.log.lines])).not.toContain('s3cret')
  })
})

describe('an outage', () => {
  it('makes no storm, and ends by itself', async () => {
    const setup = await start()
    setup.reply(503)
    for (let i = 0; i < 50; i++) {
      expect(await setup.outcome(withCookies(`_oauth2_proxy=${i}`))).toBe('forward_auth_unavailable')
    }
    // Five that failed, and one of our own, in which nothing of a client stands.
    expect(setup.questions).toHaveLength(6)
    expect(setup.questions[5]).not.toHaveProperty('cookie')
    expect(setup.questions[5]?.['x-forwarded-uri']).toBe('/')
    expect(setup.scheme.status()).toMatchObject({ stale: true, lastError: 'HTTP 503' })
    setup.reply(200, { 'x-auth-request-user': 'bob' })
    setup.clock.advance(1000)
    expect(await setup.outcome(session)).toBe('bob')
  })

  it('is survived by a known session for maxStale', async () => {
    const setup = await start({ cache: { maxStale: '1m' } })
    await setup.outcome(session)
    setup.reply(502)
    setup.clock.advance(69_999)
    expect(await setup.outcome(session)).toBe('alice')
    setup.clock.advance(1)
    expect(await setup.outcome(session)).toBe('forward_auth_unavailable')
  })
})

describe('being away', () => {
  const ask = async (setup: Setup, times = 10): Promise<void> => {
    for (let i = 0; i < times; i++) await setup.outcome(withCookies(`_oauth2_proxy=${i}`))
  }

  it.each([502, 503, 504])('is what %i means, until the next answer', async (status) => {
    const setup = await start()
    setup.reply(status)
    await ask(setup, 4)
    expect(setup.scheme.isAway()).toBe(false)
    await ask(setup)
    expect(setup.scheme.isAway()).toBe(true)
    setup.reply(401)
    setup.clock.advance(1000)
    expect(await setup.outcome(session)).toBe('inactive')
    expect(setup.scheme.isAway()).toBe(false)
  })

  it('is what no answer in time means', async () => {
    const setup = await start({ timeout: '50ms' })
    setup.server.answer('/oauth2/auth', hang)
    await ask(setup)
    expect(setup.scheme.isAway()).toBe(true)
  })

  it.each([301, 302, 400, 401, 403, 404, 405, 413, 429, 500])('is never what an answer %i means', async (status) => {
    const setup = await start()
    setup.reply(status)
    await ask(setup, 20)
    expect(setup.scheme.isAway()).toBe(false)
  })

  it('is never made by a session that the server chokes on, nor are others kept out by it', async () => {
    const setup = await start()
    setup.reply(500)
    await ask(setup, 20)
    setup.reply(202, { 'x-auth-request-user': 'bob' })
    expect(await setup.outcome(session)).toBe('bob')
  })
})

it('status tells whom it asks and what is held', async () => {
  const setup = await start({ concurrency: 3 })
  await setup.outcome(session)
  expect(setup.scheme.status()).toMatchObject({
    provider: 'sso',
    endpoint: `${setup.server.issuer}/oauth2/auth`,
    ageS: 0,
    paused: false,
    away: false,
    cache: { entries: 1, ok: 1, pending: 0 },
  })
})
