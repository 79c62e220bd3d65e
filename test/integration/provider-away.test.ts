import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EdgeResponse, echoOf, reasonOf } from '../../agent/dev/request.ts'
import { signToken, testKey } from '../agent/identity/support/tokens.ts'
import { replaced } from '../support/docs.ts'
import { bearer, type Edge, HAPROXY_VERSIONS, NO_TEMPORAL, startEdge } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'
import { type ConfigFiles, shipped, writeConfigFiles } from '../support/shipped-files.ts'

/** Nobody publishes keys here: port 1 of loopback. */
const AWAY = 'http://127.0.0.1:1'
const METADATA = 'https://api.example.com/.well-known/oauth-protected-resource'

/** The shipped files with a provider whose keys nobody can fetch, and rules that take that in different ways. */
function writeFiles(folder: string): ConfigFiles {
  const providers = `  providers:
    away: { issuer: "${AWAY}", audience: orders-api, required: false, resourceMetadata: "${METADATA}/away" }
`
  const rules = `rules:
  - { name: open, match: { path: /open }, identity: { require: away, failOpen: true }, set: { plan: identity.claims.plan } }
  - { name: shut, match: { path: /shut }, identity: { require: away } }
  - { name: optional, match: { path: /optional }, identity: { require: away, optional: true } }
  - { name: both, match: { path: /both }, identity: { require: [corp, away] } }
`
  let config = replaced(shipped('agent.yaml'), '  providers:\n', providers)
  config = replaced(
    config,
    '      audience: [orders-api]\n',
    `      audience: [orders-api]\n      resourceMetadata: ${METADATA}\n`,
  )
  return writeConfigFiles(folder, {
    config: replaced(config, 'rules:\n', rules),
    haproxy: shipped('haproxy.cfg'),
    spoe: shipped('spoe.conf'),
  })
}

describe.each(HAPROXY_VERSIONS)('a provider that is away, through HAProxy %s', (version) => {
  const folder = newFolder()
  const key = testKey('ES256', 'one')
  let edge: Edge

  beforeAll(async () => {
    edge = await startEdge(version, { ...writeFiles(folder), temporalAddress: NO_TEMPORAL, worker: false })
  })
  afterAll(async () => {
    await edge?.stop()
    removeFolder(folder)
  })

  const tokenOf = (issuer: string): string => {
    const now = Math.floor(Date.now() / 1000)
    return signToken(key, { iss: issuer, sub: 'alice', aud: 'orders-api', iat: now, exp: now + 600, plan: 'gold' })
  }
  const get = (path: string, token?: string): Promise<EdgeResponse> =>
    edge.send({ method: 'GET', path, headers: token === undefined ? {} : bearer(token) })

  it('lets unproven callers through where the rule says so, as nobody, and the log says why', async () => {
    const response = await get('/open', tokenOf(AWAY))
    expect([response.status, echoOf(response)?.identity]).toEqual([200, {}])
    const logged = await edge.logged(response)
    expect(logged).toMatchObject({ decision: 'allow', reason: 'fail_open', rule: 'open' })
    expect(JSON.stringify(logged)).not.toContain('alice')
  })

  it.each([
    ['/open', 'no credential', undefined, 401, 'no_credentials'],
    ['/open', 'a token of another issuer', 'https://evil.example', 401, 'unknown_issuer'],
    ['/shut', 'a token that nobody can judge (J15)', AWAY, 503, 'keys_unavailable'],
    ['/optional', 'a token that nobody can judge', AWAY, 503, 'keys_unavailable'],
  ])('%s refuses %s', async (path, _what, issuer, status, reason) => {
    const response = await get(path, issuer === undefined ? undefined : tokenOf(issuer))
    expect([response.status, reasonOf(response)]).toEqual([status, reason])
    if (status === 503) {
      expect(Number(response.headers['retry-after'])).toBeGreaterThan(0)
      expect(response.headers).not.toHaveProperty('www-authenticate')
    }
  })

  it.each([
    ['/open', undefined, `${METADATA}/away`],
    ['/shut', 'https://evil.example', `${METADATA}/away`],
    ['/both', undefined, METADATA],
    ['/api/usage', undefined, METADATA],
    ['/api/usage', 'https://evil.example', METADATA],
  ])('a challenge at %s (issuer %s) tells where to learn of the provider: %s', async (path, issuer, url) => {
    const response = await get(path, issuer === undefined ? undefined : tokenOf(issuer))
    expect(response.status).toBe(401)
    expect(response.headers['www-authenticate']).toMatch(/^Bearer realm="haproxy-temporal"/)
    const [, told] = /, resource_metadata="([^"]*)"$/.exec(String(response.headers['www-authenticate'])) ?? []
    expect(told).toBe(url)
  })
})
