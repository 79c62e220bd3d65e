import type { IncomingMessage } from 'node:http'
import { text as textOf } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Authenticator } from '../../agent/identity/authenticator.ts'
import {
  type Answer,
  hang,
  json,
  type JwksServer,
  startJwksServer,
  text,
} from '../agent/identity/support/jwks-server.ts'
import { type ClockedEdge, startClockedEdge } from '../support/clocked-edge.ts'

// Section N of the attack list. A certified provider is asked in asked-identity.test.ts (N1); this one answers as told, and
// time passes when the test says so. HAProxy has no part in it, so one version of it stands for all.
const SECOND = 1000

const CONFIG = ({ issuer }: JwksServer): string => `identity:
  providers:
    corp:
      { kind: introspection, issuer: "${issuer}", endpoint: "${issuer}/ask", audience: orders-api, cache: { active: 30s }, client: { id: edge, secret: canary } }
rules:
  - { name: read, match: { path: /read }, identity: { require: corp, scopes: ["orders:read"] } }
  - { name: write, match: { path: /write }, identity: { require: corp, scopes: ["orders:write"] } }
`

describe('tokens that are asked about, through HAProxy 3.0', () => {
  let edge: ClockedEdge
  let server: JwksServer
  let auth: Authenticator
  /** Tokens that were asked about. */
  const asked: (string | null)[] = []

  beforeAll(async () => {
    server = await startJwksServer()
    edge = await startClockedEdge('3.0')
  })
  afterAll(async () => {
    await edge?.stop()
    await server?.[Symbol.asyncDispose]()
  })
  beforeEach(async () => {
    asked.length = 0
    answerWith(active())
    auth = await edge.use(CONFIG(server))
  })

  /** What an authorization server says of a good token, with changes; undefined leaves a member out. */
  const active = (changes: object = {}): Answer =>
    json({
      active: true,
      sub: 'alice',
      aud: 'orders-api',
      token_type: 'Bearer',
      scope: 'orders:read',
      exp: edge.clock.seconds + 3600,
      ...changes,
    })
  function answerWith(answer: Answer): void {
    server.answer('/ask', (request: IncomingMessage, response) => {
      void textOf(request).then((form) => {
        asked.push(new URLSearchParams(form).get('token'))
        answer(request, response)
      })
    })
  }
  const read = (token = 'opaque'): Promise<unknown[]> => edge.outcome('/read', token)

  it('N1: a token that is not active', async () => {
    answerWith(json({ active: false }))
    expect(await read()).toEqual([401, 'inactive'])
  })

  it.each([
    ['for ever', undefined],
    ['for an hour', 3600],
  ])('N2: a token that is active %s is believed to be so for as long as is configured', async (_what, exp) => {
    answerWith(active(exp === undefined ? { exp } : {}))
    expect(await read()).toEqual([200, 'ok'])
    edge.pass(30 * SECOND - 1)
    expect(await read()).toEqual([200, 'ok'])
    expect(asked).toEqual(['opaque'])
    edge.pass(1)
    expect(await read()).toEqual([200, 'ok'])
    expect(asked).toEqual(['opaque', 'opaque'])
  })

  it.each([
    ['of another API', { aud: 'billing-api' }, 'audience_mismatch'],
    ['of other APIs', { aud: ['billing-api', 'orders'] }, 'audience_mismatch'],
    ['of no API', { aud: undefined }, 'claim_missing'],
  ])('N3: a token %s', async (_what, changes, reason) => {
    answerWith(active(changes))
    for (let i = 0; i < 2; i++) expect(await read()).toEqual([401, reason])
  })

  it('N4: a token that is remembered lacks the scope that the next route wants, and has that of the first', async () => {
    expect(await read()).toEqual([200, 'ok'])
    const told = await edge.ask('/write', 'opaque')
    expect(told).toMatchObject({ status: 403, reason: 'insufficient_scope' })
    expect(told.challenge).toMatch(/error="insufficient_scope".*, scope="orders:write"$/)
    expect(await read()).toEqual([200, 'ok'])
    expect(asked).toEqual(['opaque'])
  })

  it.each<[string, Answer]>([
    ['N5: an answer 500', text('stack trace with canary', 500)],
    ['N5: an answer 503', text('', 503)],
    ['N5: half an answer', text('{"active":tr')],
    ['N5: a page of HTML', text('<html></html>')],
    ['N6: no answer in time', hang],
    ['N6: a connection that ends', (request) => void request.socket.destroy()],
  ])('%s is 503 and Retry-After, for whom is not known', async (_what, answer) => {
    expect(await read('canary-known')).toEqual([200, 'ok'])
    answerWith(answer)
    const told = await edge.ask('/read', 'canary-new')
    expect(told).toMatchObject({ status: 503, reason: 'introspection_unavailable', retryAfter: '1' })
    expect(told.challenge).toBeUndefined()
    // Nothing of the token, of our secret and of what the server said.
    expect(JSON.stringify([auth.status(), edge.log.lines])).not.toContain('canary')
    expect(await read('canary-known')).toEqual([200, 'ok'])
    answerWith(active())
    edge.pass(SECOND)
    expect(await read('canary-new')).toEqual([200, 'ok'])
  })

  it('N7: a token that is revoked while it is remembered passes no longer than is configured', async () => {
    expect(await read()).toEqual([200, 'ok'])
    answerWith(json({ active: false }))
    edge.pass(30 * SECOND - 1)
    expect(await read()).toEqual([200, 'ok'])
    edge.pass(1)
    expect(await read()).toEqual([401, 'inactive'])
  })
})
