import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import type { Identity } from '../../../../agent/identity/identity.ts'
import { hang } from '../support/jwks-server.ts'
import { until } from '../support/provider.ts'
import { type Setup, setUp } from './support.ts'

const setups: Setup[] = []
async function start(changes?: Record<string, unknown>): Promise<Setup> {
  const setup = await setUp(changes)
  setups.push(setup)
  return setup
}
afterEach(async () => {
  for (const setup of setups.splice(0)) await setup[Symbol.asyncDispose]()
})

async function identity(setup: Setup, token = 'opaque-1'): Promise<Identity> {
  const result = await setup.scheme.authenticate(token)
  if (!result.ok) throw new Error(result.reason)
  return result.identity
}

describe('the attack list', () => {
  it('an identity is named by the digest of its token, by which it is revoked and bound', async () => {
    const expected = createHash('sha256').update('opaque-1').digest('base64url')
    expect((await identity(await start())).digest).toBe(expected)
  })

  it('N1: active:false is inactive, and remembered for some seconds at most', async () => {
    const setup = await start()
    setup.reply(() => ({ body: { active: false } }))
    expect(await setup.outcome()).toBe('inactive')
    expect(await setup.outcome()).toBe('inactive')
    expect(setup.questions).toHaveLength(1)
    setup.reply(() => ({ body: setup.active() }))
    setup.pass(5000)
    expect(await setup.outcome()).toBe('ok')
  })

  it('N2: an active answer without exp is believed no longer than the bound', async () => {
    const setup = await start({ cache: { active: '30s' } })
    setup.reply(() => ({ body: setup.active({ exp: undefined }) }))
    expect((await identity(setup)).expiresAt).toBe(Number.POSITIVE_INFINITY)
    setup.pass(29_999)
    expect(await setup.outcome()).toBe('ok')
    expect(setup.questions).toHaveLength(1)
    setup.pass(1)
    expect(await setup.outcome()).toBe('ok')
    expect(setup.questions).toHaveLength(2)
  })

  it('N3: the wrong aud is audience_mismatch, of every provider of its own', async () => {
    const [ours, other] = [await start(), await start({ audience: ['billing-api'] })]
    other.reply(() => ({ body: other.active({ aud: ['orders-api', 'x'] }) }))
    expect(await ours.outcome()).toBe('ok')
    expect(await other.outcome()).toBe('audience_mismatch')
    expect(await other.outcome()).toBe('audience_mismatch')
    expect(await ours.outcome()).toBe('ok')
  })

  it('N4: a remembered identity tells its own scopes to every rule, not what an earlier rule wanted', async () => {
    const setup = await start()
    const first = await identity(setup)
    const again = setup.scheme.authenticate('opaque-1')
    expect(again).toMatchObject({ ok: true, identity: { scopes: ['orders:read', 'orders:write'] } })
    expect(first.scopes).toEqual(['orders:read', 'orders:write'])
    const strict = await start({ requiredScopes: ['orders:delete'] })
    expect(await strict.outcome()).toBe('insufficient_scope')
    expect(await strict.outcome()).toBe('insufficient_scope')
  })

  it('N5: a 500 is introspection_unavailable, never 401', async () => {
    const setup = await start()
    setup.reply(() => ({ status: 500, body: 'stack trace with s3cret' }))
    expect(await setup.outcome()).toBe('introspection_unavailable')
    expect(setup.scheme.status()).toMatchObject({ lastError: 'HTTP 500' })
    setup.reply(() => ({ body: setup.active() }))
    setup.pass(1000)
    expect(await setup.outcome()).toBe('ok')
  })

  it('N6: no answer in time is introspection_unavailable', async () => {
    const setup = await start({ timeout: '50ms' })
    setup.server.answer('/introspect', hang)
    expect(await setup.outcome()).toBe('introspection_unavailable')
    expect(setup.scheme.status()).toMatchObject({ lastError: 'no answer within 50 ms' })
  })

  it('N7: a token revoked while it is remembered is denied within the bound', async () => {
    const setup = await start({ cache: { active: '10s' } })
    expect(await setup.outcome()).toBe('ok')
    setup.reply(() => ({ body: { active: false } }))
    expect(await setup.outcome()).toBe('ok')
    setup.pass(10_000)
    expect(await setup.outcome()).toBe('inactive')
  })
})

describe('asking', () => {
  it('sends the token and the credentials to the endpoint alone, in a form', async () => {
    const setup = await start({ client: { id: 'edge:1', secret: 'p%q r' } })
    await setup.outcome('to+ken/=&1')
    const [question] = setup.questions
    expect(question?.headers).toMatchObject({
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from('edge%3A1:p%25q+r').toString('base64')}`,
    })
    expect(Object.fromEntries(question?.form ?? [])).toEqual({ token: 'to+ken/=&1', token_type_hint: 'access_token' })
    expect(setup.server.requests).toEqual(['/introspect'])
  })

  it('of 100 requests with one token, once, and then not at all', async () => {
    const setup = await start()
    await until(() => setup.scheme.ready())
    const all = await Promise.all(Array.from({ length: 100 }, async () => setup.scheme.authenticate('opaque-1')))
    expect(all.every((result) => result.ok)).toBe(true)
    expect(setup.scheme.authenticate('opaque-1')).toBe(all[0]) // no promise: known
    expect(setup.questions).toHaveLength(1)
  })

  it('of more tokens at once than it may is overload', async () => {
    const setup = await start({ concurrency: 2 })
    const gate = Promise.withResolvers<undefined>()
    setup.reply(async () => {
      await gate.promise
      return { body: setup.active() }
    })
    const waiting = ['a', 'b'].map(async (token) => setup.scheme.authenticate(token))
    expect(setup.scheme.authenticate('c')).toEqual({ ok: false, reason: 'overload' })
    gate.resolve(undefined)
    expect((await Promise.all(waiting)).map((result) => result.ok)).toEqual([true, true])
    expect(await setup.outcome('c')).toBe('ok')
  })

  it('needs no more than one connection for one question after the other', async () => {
    const setup = await start()
    const ports = new Set<number | undefined>()
    const server = setup.server
    server.answer('/introspect', (request, response) => {
      ports.add(request.socket.remotePort)
      request.resume()
      request.on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{"active":false}'))
    })
    for (let i = 0; i < 5; i++) expect(await setup.outcome(`t${i}`)).toBe('inactive')
    expect(ports.size).toBe(1)
  })

  it('is not done about what no token can be', async () => {
    const setup = await start()
    for (const token of ['', 'a b', 'a\x00b', 'a\tb', 'gr\xfc\xdfe', 'a\r\nb']) {
      expect(setup.scheme.authenticate(token), JSON.stringify(token)).toEqual({ ok: false, reason: 'malformed_token' })
    }
    expect(setup.questions).toHaveLength(0)
  })
})

describe('which tokens are of its kind', () => {
  it('opaque ones: not three base64url segments, signed or not', async () => {
    const { scheme } = await start()
    expect(['opaque', 'a.b', 'a.b.c.d', 'a.b.c!', 'v4.public.x.y', '.b.c'].map((t) => scheme.recognises(t))).toEqual(
      Array.from({ length: 6 }, () => true),
    )
    expect(['eyJh.eyJz.c2ln', 'a.b.c', 'a.b.'].map((t) => scheme.recognises(t))).toEqual([false, false, false])
    // The only scheme of its place is not asked: a signed token still goes nowhere.
    expect(scheme.authenticate('eyJh.eyJz.c2ln')).toEqual({ ok: false, reason: 'malformed_token' })
  })

  it('those with a prefix, and signed ones where asked for', async () => {
    const { scheme } = await start({ prefix: ['ory_at_', 'tok_'] })
    expect(['ory_at_1', 'tok_1', 'ory_rt_1', ''].map((t) => scheme.recognises(t))).toEqual([true, true, false, false])
    const any = await start({ tokens: 'any' })
    expect(any.scheme.recognises('eyJh.eyJz.c2ln')).toBe(true)
    expect(await any.outcome('eyJh.eyJz.c2ln')).toBe('ok')
  })
})

describe('what is remembered', () => {
  it('goes when the token expires, by the clock of the day', async () => {
    const setup = await start({ clockSkew: '5s' })
    setup.reply(() => ({ body: setup.active({ exp: setup.clock.seconds + 20 }) }))
    expect(await setup.outcome()).toBe('ok')
    setup.clock.advance(24_999)
    expect(await setup.outcome()).toBe('ok')
    setup.clock.advance(1)
    expect(setup.scheme.authenticate('opaque-1')).toEqual({ ok: false, reason: 'expired' })
    expect(setup.questions).toHaveLength(1)
  })

  it('is asked for anew once exp has passed, whatever the bound says', async () => {
    const setup = await start()
    const exp = setup.clock.seconds + 20
    setup.reply(() => ({ body: setup.active({ exp }) }))
    await setup.outcome()
    setup.pass(20_000)
    await setup.outcome()
    expect(setup.questions).toHaveLength(2)
    // Active still, says the server, and within the clock skew: but nothing is kept of it.
    await setup.outcome()
    expect(setup.questions).toHaveLength(3)
  })

  it('is judged by the clock each time: a token may become valid', async () => {
    const setup = await start({ clockSkew: '0s' })
    setup.reply(() => ({ body: setup.active({ nbf: setup.clock.seconds + 10 }) }))
    expect(await setup.outcome()).toBe('not_yet_valid')
    setup.pass(10_000)
    expect(await setup.outcome()).toBe('ok')
    expect(setup.questions).toHaveLength(1)
  })

  it('is nothing where the bound is 0', async () => {
    const setup = await start({ cache: { active: '0s', inactive: '0s' } })
    for (let i = 0; i < 3; i++) expect(await setup.outcome()).toBe('ok')
    setup.reply(() => ({ body: { active: false } }))
    for (let i = 0; i < 3; i++) expect(await setup.outcome()).toBe('inactive')
    expect(setup.questions).toHaveLength(6)
    expect([setup.scheme.cache.figures.entries, setup.scheme.cache.figures.negativeEntries]).toEqual([0, 0])
  })

  it('holds no byte of a token', async () => {
    const setup = await start()
    await setup.outcome('s3cret-token')
    setup.reply(() => ({ status: 500 }))
    await setup.outcome('s3cret-other')
    const seen = JSON.stringify([
      setup.scheme.status(),
      setup.log.lines,
      await setup.scheme.authenticate('s3cret-token'),
    ])
    expect(seen).not.toMatch(/s3cret|test-only/)
  })
})

describe('an outage', () => {
  it('is 503 at once for everybody, without a storm, and ends by itself', async () => {
    const setup = await start()
    expect(await setup.outcome('known')).toBe('ok')
    setup.reply(() => ({ status: 503 }))
    for (let i = 0; i < 100; i++) expect(await setup.outcome(`new-${i}`)).toBe('introspection_unavailable')
    // The first one, five that failed, and one of our own.
    expect(setup.questions).toHaveLength(7)
    expect(await setup.outcome('known')).toBe('ok') // remembered still
    expect(setup.scheme.status()).toMatchObject({ stale: true, lastError: 'HTTP 503' })
    setup.reply(() => ({ body: setup.active() }))
    setup.pass(1000)
    for (let i = 0; i < 10; i++) expect(await setup.outcome(`new-${i}`)).toBe('ok')
    expect(setup.scheme.status()).toMatchObject({ stale: false })
    expect(setup.scheme.status()).not.toHaveProperty('lastError')
  })

  it('is survived by what is remembered for maxStale, not longer, and never past exp', async () => {
    const setup = await start({ cache: { active: '10s', maxStale: '5m' }, clockSkew: '0s' })
    setup.reply(({ form }) => ({
      body: setup.active(form.get('token') === 'short' ? { exp: setup.clock.seconds + 60 } : {}),
    }))
    expect([await setup.outcome('long'), await setup.outcome('short')]).toEqual(['ok', 'ok'])
    setup.reply(() => ({ status: 502 }))
    setup.pass(59_000)
    expect([await setup.outcome('long'), await setup.outcome('short')]).toEqual(['ok', 'ok'])
    setup.pass(1000)
    expect([await setup.outcome('long'), await setup.outcome('short')]).toEqual(['ok', 'expired'])
    setup.pass(250_000)
    expect(await setup.outcome('long')).toBe('introspection_unavailable')
  })

  it('is not made by one token that the server chokes on', async () => {
    const setup = await start()
    setup.reply(({ form }) => (form.get('token') === 'good' ? { body: setup.active() } : { status: 500 }))
    for (let i = 0; i < 20; i++) expect(await setup.outcome(`poison-${i}`)).toBe('introspection_unavailable')
    expect(await setup.outcome('good')).toBe('ok')
  })
})

describe('being away', () => {
  const ask = async (setup: Setup, times = 10): Promise<void> => {
    for (let i = 0; i < times; i++) expect(await setup.outcome(`t${i}`)).toBe('introspection_unavailable')
  }

  it.each([502, 503, 504])('is what %i means, until the next answer', async (status) => {
    const setup = await start()
    setup.reply(() => ({ status }))
    await ask(setup, 4)
    expect(setup.scheme.isAway()).toBe(false)
    await ask(setup)
    expect(setup.scheme.isAway()).toBe(true)
    setup.reply(() => ({ body: { active: false } }))
    setup.pass(1000)
    expect(await setup.outcome('new')).toBe('inactive')
    expect(setup.scheme.isAway()).toBe(false)
  })

  it('is what no answer in time means, and no connection', async () => {
    const setup = await start({ timeout: '50ms' })
    setup.server.answer('/introspect', hang)
    await ask(setup)
    expect(setup.scheme.isAway()).toBe(true)
    const nobody = await start({ endpoint: 'http://127.0.0.1:1/' })
    await ask(nobody)
    expect(nobody.scheme.isAway()).toBe(true)
  })

  it.each([302, 400, 401, 403, 404, 405, 413, 429, 500])('is never what an answer %i means', async (status) => {
    const setup = await start()
    setup.reply(() => ({ status, body: 'no' }))
    await ask(setup, 20)
    expect(setup.scheme.isAway()).toBe(false)
    expect(setup.scheme.status()).toMatchObject({ away: false, lastError: expect.stringContaining(`HTTP ${status}`) })
  })

  it('is never made by a token that a firewall objects to, nor are others kept out by it', async () => {
    const setup = await start()
    setup.reply(({ form }) => (form.get('token') === 'good' ? { body: setup.active() } : { status: 403 }))
    await ask(setup, 20)
    expect([setup.scheme.isAway(), setup.scheme.cache.isPaused]).toEqual([false, false])
    expect(await setup.outcome('good')).toBe('ok')
  })

  it('lasts while our credentials were never read, or the endpoint was never found', async () => {
    const setup = await start({ client: { id: 'edge', secret: { file: '/nonexistent/secret' } } })
    await until(() => setup.scheme.status().lastError !== undefined)
    expect(setup.scheme.authenticate('opaque-1')).toEqual({ ok: false, reason: 'secrets_unavailable' })
    expect(setup.scheme.isAway()).toBe(true)
    const lost = await start({ endpoint: undefined })
    await until(() => lost.scheme.status().lastError !== undefined)
    expect([lost.scheme.isAway(), lost.scheme.status().endpoint]).toEqual([true, lost.server.issuer])
  })
})

it('status tells whom it asks and what is held, and nothing of keys, which it does not keep', async () => {
  const setup = await start()
  await setup.outcome()
  expect(setup.scheme.status()).toMatchObject({
    provider: 'corp',
    endpoint: `${setup.server.issuer}/introspect`,
    ageS: 0,
    paused: false,
    away: false,
    cache: { misses: 1, entries: 1, ok: 1, failed: 0, pending: 0 },
  })
  expect(setup.scheme.status()).not.toHaveProperty('lastError')
})
