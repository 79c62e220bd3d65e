import { type ClientHttp2Session, connect as connectH2 } from 'node:http2'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { echoOf, reasonOf } from '../../agent/dev/request.ts'
import { reasons } from '../../agent/identity/reasons.ts'
import { attackList, keys } from '../agent/identity/support/attack-list.ts'
import { honestList, SCOPES } from '../agent/identity/support/honest-list.ts'
import { type JwksServer, startJwksServer } from '../agent/identity/support/jwks-server.ts'
import { signToken } from '../agent/identity/support/tokens.ts'
import { replaced } from '../support/docs.ts'
import { bearer, type Edge, HAPROXY_VERSIONS, NO_TEMPORAL, startEdge } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'
import { endOfAnswer, type RawAnswer, rawAnswer, readAnswer } from '../support/raw-answer.ts'
import { type ConfigFiles, shipped, withArguments, writeConfigFiles } from '../support/shipped-files.ts'

/** 400 until 3.0, 431 since (RFC 6585 section 5): HAProxy's buffer is full. */
const TOO_LARGE = -1

/** What HAProxy itself makes of some attacks, before anybody is asked. */
const BY_HAPROXY: Readonly<Record<string, number>> = {
  // RFC 9110 section 5.5: NUL is no part of a field value.
  'E10 NUL': 400,
  // Larger than HAProxy's buffer for headers.
  'E13 1 MB': TOO_LARGE,
  'C18 sub of 200 KB': TOO_LARGE,
  'C22 100 000 claims': TOO_LARGE,
  // RFC 9110 section 5.5: white space behind a value is no part of it, so this is the honest token.
  'E2 a tab behind': 200,
}

/** Variables of the rule `many`, all of one claim. */
const MANY = Array.from({ length: 20 }, (_, i) => `copy${i}`)

/** The shipped files, and rules for what they have no example of. */
function writeFiles(folder: string): ConfigFiles {
  const providers = `  providers:
    anywhere:
      issuer: \${PLACES_ISSUER}
      audience: [orders-api]
      token: { from: [authorization, { cookie: session }, { query: access_token }] }
    brief: { issuer: "\${PLACES_ISSUER}", audience: [orders-api], maxLifetime: 5m }
`
  const rules = `rules:
  - { name: brief, match: { path: /brief }, identity: { require: brief } }
  - { name: scoped, match: { path: /scoped }, identity: { require: corp, scopes: [${SCOPES.map((scope) => `"${scope}"`).join(', ')}] } }
  - { name: anywhere, match: { path: /anywhere }, identity: { require: anywhere } }
  - { name: plan, match: { path: /plan }, identity: { require: corp }, set: { plan: identity.claims.plan } }
  - name: many
    match: { path: /many }
    identity: { require: corp }
    set: { ${MANY.map((name) => `${name}: identity.claims.copied`).join(', ')} }
`
  const config = replaced(replaced(shipped('agent.yaml'), '  providers:\n', providers), 'rules:\n', rules)
  const names = '    register-var-names rlkey'
  const spoe = replaced(shipped('spoe.conf'), names, `    register-var-names ${MANY.join(' ')}\n${names}`)
  return writeConfigFiles(folder, {
    config,
    haproxy: shipped('haproxy.cfg'),
    spoe: withArguments(spoe, 'args h_cookie=req.fhdr(cookie) n_cookie=req.fhdr_cnt(cookie)'),
  })
}

describe.each(HAPROXY_VERSIONS)('attacks through HAProxy %s', (version) => {
  const folder = newFolder()
  let issuer: JwksServer
  let places: JwksServer
  let evil: JwksServer
  let edge: Edge

  beforeAll(async () => {
    issuer = await startJwksServer()
    issuer.publish([keys.rsa.jwk, keys.ec.jwk, keys.ed.jwk])
    places = await startJwksServer()
    places.publish([keys.ec.jwk])
    evil = await startJwksServer()
    evil.publish([keys.foreign.jwk])
    edge = await startEdge(version, {
      ...writeFiles(folder),
      temporalAddress: NO_TEMPORAL,
      worker: false,
      env: { OIDC_ISSUER: issuer.issuer, PLACES_ISSUER: places.issuer },
    })
  })
  afterAll(async () => {
    await edge?.stop()
    await issuer?.[Symbol.asyncDispose]()
    await places?.[Symbol.asyncDispose]()
    await evil?.[Symbol.asyncDispose]()
    removeFolder(folder)
  })

  const seconds = (): number => Math.floor(Date.now() / 1000)
  const claims = (changes: object = {}): Record<string, unknown> => ({
    iss: issuer.issuer,
    sub: 'mallory',
    aud: 'orders-api',
    iat: seconds(),
    exp: seconds() + 600,
    ...changes,
  })

  const raw = (lines: readonly string[]): Promise<RawAnswer> => rawAnswer(edge, lines)

  it('each end in their reason and its status, and reach no server', async () => {
    const attacks = attackList({
      issuer: issuer.issuer,
      evil: evil.issuer,
      // Real clocks go on while a token is on its way: what lies too far ahead must do so a while later too.
      seconds: () => seconds() + 30,
      claims,
    })
    const seen: string[] = []
    const expected: string[] = []
    for (const [id, what, token, reason] of attacks) {
      const name = `${id} ${what}`
      const { status, reason: given, challenge, subject } = await raw([`authorization: Bearer ${token()}`])
      const byHaproxy = BY_HAPROXY[name] === TOO_LARGE ? (version === '3.2' ? 431 : 400) : BY_HAPROXY[name]
      seen.push(
        `${name}: ${status} ${byHaproxy === undefined ? given : ''} ${byHaproxy === 200 ? '' : (subject ?? '')}`,
      )
      expected.push(`${name}: ${byHaproxy ?? reasons[reason].status} ${byHaproxy === undefined ? reason : ''} `)
      if (status === 401) expect(challenge, name).toMatch(/^Bearer realm="haproxy-temporal", error="invalid_token"/)
      if (byHaproxy === undefined) expect(challenge ?? '', name).not.toContain('mallory')
    }
    expect(seen).toEqual(expected)
  }, 120_000)

  it('ask nothing of the attacker, and of the issuer one more time for all unknown keys', () => {
    expect(evil.requests).toEqual([])
    expect(issuer.requests).toEqual(['/.well-known/openid-configuration', '/jwks', '/jwks'])
  })

  it('are not taken for honest tokens, however odd these are', async () => {
    const seen: string[] = []
    const honest = honestList({ seconds, claims: (changes) => claims({ sub: 'alice', ...changes }) })
    for (const [id, what, token] of honest) {
      const path = id === 'C19' ? '/scoped' : '/api/usage'
      const response = await edge.send({ method: 'GET', path, headers: bearer(token()) })
      seen.push(`${id} ${what}: ${response.status} ${echoOf(response)?.identity['x-identity-subject']}`)
    }
    expect(seen).toEqual(honest.map(([id, what]) => `${id} ${what}: 200 alice`))
    const lacking = await edge.send({ method: 'GET', path: '/scoped', headers: bearer(signToken(keys.rsa, claims())) })
    expect([lacking.status, reasonOf(lacking)]).toEqual([403, 'insufficient_scope'])
  })

  it('C10 a token lives no longer than its provider allows', async () => {
    const answers: unknown[] = []
    for (const life of [300, 301]) {
      const iat = seconds()
      const token = signToken(keys.ec, claims({ iss: places.issuer, iat, exp: iat + life }))
      const response = await edge.send({ method: 'GET', path: '/brief', headers: bearer(token) })
      answers.push([response.status, reasonOf(response)])
    }
    expect(answers).toEqual([
      [200, undefined],
      [401, 'lifetime_too_long'],
    ])
  })

  it.each<[string, string[], number, string]>([
    [
      'T1 two Authorization headers',
      ['authorization: Bearer x', 'authorization: Bearer y'],
      400,
      'multiple_credentials',
    ],
    ['T1 two of which one is empty', ['authorization:', 'authorization: Bearer y'], 400, 'multiple_credentials'],
    ['T2 two joined by a comma', ['authorization: Bearer x, Bearer y'], 400, 'multiple_credentials'],
    ['T5 a tab as separator', ['authorization: Bearer\tx'], 400, 'malformed_token'],
    ['T6 the scheme alone', ['authorization: Bearer'], 400, 'malformed_token'],
    ['T7 Basic', ['authorization: Basic dXNlcjpwYXNz'], 401, 'no_credentials'],
    ['T7 nothing', [], 401, 'no_credentials'],
    ['an empty header', ['authorization:'], 401, 'no_credentials'],
    ['a folded header', ['authorization: Bearer', ' x'], 400, 'malformed_token'],
  ])('%s', async (_what, lines, status, reason) => {
    const answer = await raw(lines)
    expect({ status: answer.status, reason: answer.reason }).toEqual({ status, reason })
    if (status === 401) expect(answer.challenge).toBe('Bearer realm="haproxy-temporal"')
  })

  it('T4 the scheme counts in any case', async () => {
    const token = signToken(keys.rsa, claims({ sub: 'alice' }))
    for (const scheme of ['bearer', 'BEARER', 'bEaReR']) {
      expect(await raw([`authorization: ${scheme} ${token}`])).toMatchObject({ status: 200, subject: 'alice' })
    }
  })

  it('T8 no spelling of an identity header reaches the server', async () => {
    const token = signToken(keys.rsa, claims({ sub: 'alice' }))
    const spoofed = [
      'X-Identity-Subject',
      'X_Identity_Subject',
      'x-identity_subject',
      'X_IDENTITY-SUBJECT',
      'X.Identity.Subject',
    ]
    const answer = await raw([`authorization: Bearer ${token}`, ...spoofed.map((name) => `${name}: admin`)])
    expect(answer).toMatchObject({ status: 200, subject: 'alice' })
  })

  it.each([
    ['authorization, cookie and query', true, true, true],
    ['authorization and cookie', true, true, false],
    ['authorization and query', true, false, true],
    ['cookie and query', false, true, true],
  ])('T3 a token in %s at once is refused', async (_what, inHeader, inCookie, inQuery) => {
    const token = signToken(keys.ec, claims({ iss: places.issuer, sub: 'alice' }))
    const response = await edge.send({
      method: 'GET',
      path: `/anywhere?a=b${inQuery ? `&access_token=${token}` : ''}`,
      headers: { ...(inHeader && bearer(token)), ...(inCookie && { cookie: `lang=de; session=${token}` }) },
    })
    expect([response.status, reasonOf(response)]).toEqual([400, 'multiple_credentials'])
  })

  it('T3 a token is accepted at each of the places alone', async () => {
    const token = signToken(keys.ec, claims({ iss: places.issuer, sub: 'alice' }))
    const answers = [
      await edge.send({ method: 'GET', path: '/anywhere', headers: bearer(token) }),
      await edge.send({ method: 'GET', path: '/anywhere', headers: { cookie: `lang=de; session=${token}` } }),
      await edge.send({ method: 'GET', path: `/anywhere?access_token=${token}` }),
    ]
    expect(answers.map((answer) => [answer.status, echoOf(answer)?.identity['x-identity-subject']])).toEqual(
      answers.map(() => [200, 'alice']),
    )
  })

  it.each([
    ['CR LF', 'gold\r\nX-Injected: 1'],
    ['LF', 'gold\nX-Injected: 1'],
    ['NUL', 'gold\0'],
    ['a space before it', ' gold'],
    ['1025 bytes', 'g'.repeat(1025)],
  ])('T10 a claim with %s becomes no variable, and no header', async (_what, plan) => {
    const token = signToken(keys.ec, claims({ sub: 'alice', plan }))
    const response = await edge.send({ method: 'GET', path: '/plan', headers: bearer(token) })
    const echo = echoOf(response)
    expect([response.status, echo?.identity['x-identity-subject']]).toEqual([200, 'alice'])
    expect(echo?.identity).not.toHaveProperty('x-identity-plan')
    expect(response.body.toLowerCase()).not.toContain('x-injected')
  })

  it('T10 an honest claim becomes the variable', async () => {
    const token = signToken(keys.ec, claims({ sub: 'alice', plan: 'gold' }))
    const response = await edge.send({ method: 'GET', path: '/plan', headers: bearer(token) })
    expect(echoOf(response)?.identity).toMatchObject({ 'x-identity-plan': 'gold' })
  })

  it.each(['x%0d%0aX-Injected:%201', '%0d%0a%0d%0a<h1>', 'x%22,%20error=%22%0ax'])(
    'T10 the challenge repeats nothing of the credential %s',
    async (credential) => {
      const response = await edge.send({ method: 'GET', path: `/anywhere?access_token=${credential}` })
      expect([response.status, reasonOf(response)]).toEqual([400, 'malformed_token'])
      expect(response.headers).not.toHaveProperty('x-injected')
      expect(response.headers['www-authenticate']).toBe(
        `Bearer realm="haproxy-temporal", error="invalid_request", error_description="${reasons.malformed_token.description}"`,
      )
    },
  )

  it.each([
    [14_000, 200, undefined],
    [20_000, 503, 'internal_error'],
  ])('C27 an answer of %i bytes of variables ends in %i: it is refused, not cut', async (bytes, status, reason) => {
    const copied = 'c'.repeat(bytes / MANY.length)
    const token = signToken(keys.ec, claims({ sub: 'alice', copied }))
    const response = await edge.send({ method: 'GET', path: '/many', headers: bearer(token) })
    expect([response.status, reasonOf(response)]).toEqual([status, reason])
    expect(echoOf(response)?.identity['x-identity-subject']).toBe(status === 200 ? 'alice' : undefined)
  })

  /** One connection, many callers: what each request is told of its caller must be its own, or nothing. */
  describe('identity never leaks between requests of one connection', () => {
    const CALLERS = 300
    /** Every third shows nothing, every seventh something invalid. */
    const credentials = (): { token: string | undefined; expected: string }[] =>
      Array.from({ length: CALLERS }, (_, i) => {
        if (i % 3 === 0) return { token: undefined, expected: '401 no_credentials' }
        if (i % 7 === 0)
          return { token: signToken(keys.foreign, claims({ sub: `caller-${i}` })), expected: '401 signature_invalid' }
        // Twice each, so that half of them come from the cache.
        const sub = `caller-${i - (i % 2)}`
        return { token: signToken(keys.ec, claims({ sub, jti: sub })), expected: `200 ${sub}` }
      })

    it('T11 under keep-alive', async () => {
      const socket = connectTls({ host: '127.0.0.1', port: edge.edge.https, servername: 'localhost', ca: edge.ca })
      let text = ''
      let wake = (): void => {}
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1')
        wake()
      })
      /** The next whole answer on the connection. */
      const next = async (): Promise<RawAnswer> => {
        for (;;) {
          const end = endOfAnswer(text)
          if (end > 0) {
            const answer = readAnswer(text.slice(0, end))
            text = text.slice(end)
            return answer
          }
          await new Promise<void>((resolve, reject) => {
            wake = resolve
            socket.once('close', () => reject(new Error('the connection was closed')))
          })
        }
      }
      const seen: string[] = []
      const all = credentials()
      for (const { token } of all) {
        const authorization = token === undefined ? '' : `authorization: Bearer ${token}\r\n`
        socket.write(`GET /api/usage HTTP/1.1\r\nhost: localhost\r\n${authorization}\r\n`)
        const answer = await next()
        seen.push(`${answer.status} ${answer.subject ?? answer.reason}`)
      }
      socket.destroy()
      expect(seen).toEqual(all.map(({ expected }) => expected))
    }, 60_000)

    it('T11 under HTTP/2, all at once', async () => {
      const session = connectH2(`https://localhost:${edge.edge.https}`, { ca: edge.ca })
      const all = credentials()
      // Streams of one connection at a time that HAProxy takes.
      const seen: string[] = []
      for (let from = 0; from < all.length; from += 50) {
        seen.push(...(await Promise.all(all.slice(from, from + 50).map(({ token }) => overH2(session, token)))))
      }
      session.close()
      expect(seen).toEqual(all.map(({ expected }) => expected))
    }, 60_000)

    function overH2(session: ClientHttp2Session, token: string | undefined): Promise<string> {
      return new Promise((resolve, reject) => {
        const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
        const stream = session.request({ ':path': '/api/usage', ...authorization })
        let status = 0
        let body = ''
        stream.setEncoding('latin1')
        stream.on('response', (headers) => (status = Number(headers[':status'])))
        stream.on('data', (chunk: string) => (body += chunk))
        stream.on('error', reject)
        stream.on('end', () => {
          const { subject, reason } = readAnswer(body)
          resolve(`${status} ${subject ?? reason}`)
        })
      })
    }
  })
})
