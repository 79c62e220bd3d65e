import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EvidenceReader } from '../../agent/evidence.ts'
import { type Authenticator, createAuthenticator } from '../../agent/identity/authenticator.ts'
import { createForwardAuthScheme } from '../../agent/identity/forward-auth/scheme.ts'
import { createIntrospectionScheme } from '../../agent/identity/introspection/scheme.ts'
import { reasons } from '../../agent/identity/reasons.ts'
import type { Requirement } from '../../agent/identity/requirement.ts'
import type { SchemeContext } from '../../agent/identity/scheme.ts'
import { message } from '../../node-spoe/src/index.ts'
import { settingsOf as forwardAuth } from '../agent/identity/forward-auth/support.ts'
import {
  type OpaqueProvider,
  startOpaqueProvider,
  EDGE_SECRET,
} from '../agent/identity/introspection/opaque-provider.ts'
import { settingsOf as introspection } from '../agent/identity/introspection/support.ts'
import { type JwksServer, startJwksServer } from '../agent/identity/support/jwks-server.ts'
import { publicJwk } from '../agent/identity/dpop/support.ts'
import { testKey } from '../agent/identity/support/tokens.ts'
import { codeBlock, codeBlocks, docsPage } from '../support/docs.ts'
import { HAPROXY_VERSIONS } from '../support/edge.ts'
import { type Pair, startPair } from '../support/spoe.ts'
import { expose } from '../support/spoe-config.ts'

const log = { info: () => {}, warn: () => {}, error: () => {} }
const page = docsPage('identity/forward-auth.md')

/** The lines of the page that send browsers to the login, for the variables of this test. */
const [oauth2Proxy = '', authelia = '', authentik = ''] = codeBlocks(page, 'haproxy').map(inDemo)
/** The arguments that the page adds to the message. */
const args = /^```spoe\n(args .*)$/m.exec(page)?.[1] ?? ''

/** Lines of a page, for the variables of this test. */
function inDemo(lines: string): string {
  return lines.replaceAll('txn.temporal.', 'txn.demo.')
}

/** The provider `corp`, which asks this issuer. */
function corpOf({ issuer }: OpaqueProvider, context: SchemeContext): ReturnType<typeof createIntrospectionScheme> {
  const client = { id: 'edge-basic', secret: EDGE_SECRET }
  const settings = introspection({ kind: 'introspection', issuer, audience: 'orders-api', client })
  return createIntrospectionScheme('corp', settings, context)
}

const sso: Requirement = { mode: 'any', providers: ['sso'] }
const corp: Requirement = { mode: 'any', providers: ['corp'] }

describe.each(HAPROXY_VERSIONS)('callers that somebody else knows, through HAProxy %s', (version) => {
  let login: JwksServer
  let provider: OpaqueProvider
  let auth: Authenticator
  let pair: Pair
  const told: (string | undefined)[] = []

  beforeAll(async () => {
    login = await startJwksServer()
    // Answers as oauth2-proxy does.
    login.answer('/oauth2/auth', (request, response) => {
      told.push(request.headers.cookie)
      const known = request.headers.cookie === '_oauth2_proxy_0=good; _oauth2_proxy_1=session'
      response.writeHead(known ? 202 : 401, known ? { 'x-auth-request-user': 'alice' } : {}).end()
    })
    provider = await startOpaqueProvider({ clientKey: publicJwk(testKey('ES256')) as never })
    auth = createAuthenticator([], {
      log,
      schemes: (context) => [
        createForwardAuthScheme(
          'sso',
          forwardAuth({ kind: 'forward_auth', preset: 'oauth2-proxy', url: login.issuer }),
          context,
        ),
        corpOf(provider, context),
      ],
    })
    auth.start()
    const reader = new EvidenceReader(auth.needs, 'check')
    const redirects = { oauth2Proxy, authelia, authentik }
    pair = await startPair({
      version,
      agent: {
        messages: {
          check: message({
            args: reader.args,
            async handle(view, reply) {
              const evidence = reader.read(view)
              const result = await auth.authenticate(evidence.path.startsWith('/api/') ? corp : sso, evidence)
              if (result.ok) return reply.setVar('txn', 'subject', result.identity.subject)
              reply.setVar('txn', 'reason', result.reason)
              reply.setVar('txn', 'status', reasons[result.reason].status)
            },
          }),
        },
      },
      messages: `
spoe-message check
args id=unique-id method=method host=req.fhdr(host) path=path query=query src=src tls=ssl_fc
args auth=req.fhdr(authorization) auth_count=req.fhdr_cnt(authorization)
${args}
event on-frontend-http-request`,
      // Each part of the page stands alone: the same acl again adds only the same condition.
      web: `
${Object.entries(redirects)
  .map(([name, lines]) => lines.replaceAll(/^(http-request .*)$/gm, (line: string) => only(line, name)))
  .join('\n')}
http-request return status 401 if { var(txn.demo.status) -m int 401 }
http-request return status 503 if { var(txn.demo.status) -m int 503 }
${expose('txn.demo.subject', 'txn.demo.reason', 'txn.demo.error')}`,
    })
    for (let i = 0; i < 1000 && !auth.ready(); i++) await new Promise((resolve) => setTimeout(resolve, 5))
  })
  afterAll(async () => {
    await pair?.stop()
    auth?.close()
    await login?.[Symbol.asyncDispose]()
    await provider?.[Symbol.asyncDispose]()
  })

  const browser = { host: 'www.example.com', accept: 'text/html,application/xhtml+xml', 'x-test': 'oauth2Proxy' }

  it('a browser without a session goes to the login page, and from there back to where it was', async () => {
    const response = await pair.get('/orders/1?a=b%20c&d=//x', { headers: browser })
    expect(response.status).toBe(302)
    const target = new URL(response.headers['location'] ?? '', 'https://www.example.com')
    expect(target.pathname).toBe('/oauth2/start')
    expect([...target.searchParams]).toEqual([['rd', '/orders/1?a=b%20c&d=//x']])
  })

  it.each([
    ['authelia', 'https://auth.example.com/'],
    ['authentik', 'https://www.example.com/outpost.goauthentik.io/start'],
  ])('the login page of %s is told the whole address', async (name, place) => {
    const response = await pair.get('/orders/1?a=b&c', { headers: { ...browser, 'x-test': name } })
    expect(response.status).toBe(302)
    const target = new URL(response.headers['location'] ?? '', 'https://www.example.com')
    expect(`${target.origin}${target.pathname}`).toBe(place)
    expect([...target.searchParams]).toEqual([['rd', 'https://www.example.com/orders/1?a=b&c']])
  })

  it('a program gets 401, as does a browser that sends something', async () => {
    const program = await pair.get('/orders/1', { headers: { accept: 'application/json' } })
    expect([program.status, program.headers['x-txn-demo-reason']]).toEqual([401, 'no_credentials'])
    expect((await pair.get('/orders/1', { method: 'POST', headers: browser })).status).toBe(401)
  })

  it('a session is known by its cookies, all parts of them and no others', async () => {
    told.length = 0
    const cookie = 'lang=de; _oauth2_proxy_0=good; _oauth2_proxy_1=session; tracker=1'
    const response = await pair.get('/orders/1', { headers: { ...browser, cookie } })
    expect([response.status, response.headers['x-txn-demo-subject']]).toEqual([200, 'alice'])
    expect((await pair.get('/other', { headers: { ...browser, cookie } })).status).toBe(200)
    expect(told).toEqual(['_oauth2_proxy_0=good; _oauth2_proxy_1=session'])
  })

  it('a session that has ended leads to the login page', async () => {
    const response = await pair.get('/', { headers: { ...browser, cookie: '_oauth2_proxy=over' } })
    expect([response.status, response.headers['x-txn-demo-reason']]).toEqual([302, 'inactive'])
  })

  it('an opaque token is known by asking its issuer, once', async () => {
    const { access } = await provider.userTokens('bob')
    const headers = { authorization: `Bearer ${access}` }
    const before = provider.introspections()
    for (let i = 0; i < 3; i++) {
      const response = await pair.get('/api/1', { headers })
      expect([response.status, response.headers['x-txn-demo-subject']]).toEqual([200, 'bob'])
    }
    expect(provider.introspections()).toBe(before + 1)
    const refused = await pair.get('/api/1', { headers: { authorization: 'Bearer made-up' } })
    expect([refused.status, refused.headers['x-txn-demo-reason']]).toEqual([401, 'inactive'])
  })
})

describe.each(HAPROXY_VERSIONS)('made-up tokens, through HAProxy %s', (version) => {
  it('stop being asked about when their sender was refused often', async () => {
    await using provider = await startOpaqueProvider({ clientKey: publicJwk(testKey('ES256')) as never })
    const scheme = corpOf(provider, { now: Date.now, monotonicMs: () => performance.now(), log })
    scheme.start()
    for (let i = 0; i < 1000 && !scheme.ready(); i++) await new Promise((resolve) => setTimeout(resolve, 5))
    const text = docsPage('identity/introspection.md')
    const pair = await startPair({
      version,
      agent: {
        messages: {
          check: message({
            args: { auth: 'string' },
            async handle(view, reply) {
              const result = await scheme.authenticate((view.get('auth') ?? '').slice('Bearer '.length))
              if (!result.ok) reply.setVar('txn', 'reason', result.reason)
            },
          }),
        },
      },
      messages: `
spoe-message check
args auth=req.fhdr(authorization)
${inDemo(codeBlock(text, 'spoe'))}`,
      web: `${inDemo(codeBlocks(text, 'haproxy').join(''))}
http-request return status 401 if { var(txn.demo.reason) -m found }`,
    })
    try {
      const statuses: number[] = []
      for (let i = 0; i < 60; i++) {
        statuses.push((await pair.get('/', { headers: { authorization: `Bearer made-up-${i}` } })).status)
      }
      expect(statuses.slice(0, 50)).toEqual(Array.from({ length: 50 }, () => 401))
      expect(statuses.slice(-8)).toEqual(Array.from({ length: 8 }, () => 429))
      expect(provider.introspections()).toBeLessThan(53)
    } finally {
      await pair.stop()
      scheme.close()
    }
  })
})

/** A line of the page, for requests that want this part of it. */
function only(line: string, name: string): string {
  const condition = `{ req.hdr(x-test) ${name} }`
  return line.includes(' if ') ? `${line} ${condition}` : `${line} if ${condition}`
}
