import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EdgeResponse, echoOf, reasonOf } from '../../agent/dev/request.ts'
import { ROOT } from '../../agent/dev/tools.ts'
import { thumbprintOf } from '../../agent/identity/jwk.ts'
import { proofOf, publicJwk, sha256 } from '../agent/identity/dpop/support.ts'
import { testKey } from '../agent/identity/support/tokens.ts'
import { type Edge, HAPROXY_VERSIONS, NO_TEMPORAL, startEdge } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'

/** The blocks of a language in a page of the documentation. */
const blocks = (page: string, language: string): string[] =>
  Array.from(
    readFileSync(join(ROOT, 'docs/identity', page), 'utf8').matchAll(
      new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'),
    ),
    ([, text = '']) => text,
  )

const [example = ''] = blocks('certificates.md', 'yaml')
const [bindLine = '', certificateArgs = ''] = blocks('certificates.md', 'haproxy')
const [commands = ''] = blocks('certificates.md', 'sh')
const [proofArgs = ''] = blocks('dpop.md', 'haproxy')

const TOKENS = `    corp:
      issuer: \${OIDC_ISSUER}
      audience: orders-api
      binding: required
      dpop: { publicBaseUrl: https://api.example.com, nonce: true }
`

/** The shipped files with what the documentation adds to them, and a provider of tokens beside the example's. */
function writeFiles(folder: string): { config: string; haproxy: string; spoe: string } {
  const files = { config: 'agent.yaml', haproxy: 'haproxy.cfg', spoe: 'spoe.conf' }
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)
  const withTokens = example
    .replace('  providers:\n', `  providers:\n${TOKENS}`)
    .replace('rules:\n', 'rules:\n  - { name: pay, match: { path: "/pay/**" }, identity: { require: corp } }\n')
    .replace('spop: {', 'spop: { deadline: "${SPOP_DEADLINE:-40ms}",')
  write(files.config, withTokens)
  const shipped = readFileSync(join(ROOT, 'haproxy.cfg'), 'utf8')
  const bound = shipped.replace(/^ *bind "\$\{EDGE_HTTPS\}".*\n/m, bindLine)
  expect(bound).not.toBe(shipped)
  write(files.haproxy, bound)
  const conf = readFileSync(join(ROOT, 'spoe.conf'), 'utf8')
  write(files.spoe, conf.replaceAll(/^( *args auth=.*\n)/gm, `$1${certificateArgs}${proofArgs}`))
  return {
    config: join(folder, files.config),
    haproxy: join(folder, files.haproxy),
    spoe: join(folder, files.spoe),
  }
}

describe.each(HAPROXY_VERSIONS)('the examples of the documentation on HAProxy %s', (version) => {
  const folder = newFolder()
  let edge: Edge

  beforeAll(async () => {
    const [making = ''] = commands.split('export CLIENT_CA')
    execFileSync('sh', ['-ec', making], { cwd: folder, stdio: 'pipe' })
    const { config, haproxy, spoe } = writeFiles(folder)
    const env = { SPOE_CONF: spoe, CLIENT_CA: join(folder, 'ca.pem') }
    edge = await startEdge(version, { config, haproxy, env, temporalAddress: NO_TEMPORAL, worker: false })
  })
  afterAll(async () => {
    await edge?.stop()
    removeFolder(folder)
  })

  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  const orders = (): Agent => new Agent({ cert: read('orders.pem'), key: read('orders.key'), keepAlive: false })

  const get = (
    path: string,
    headers: Readonly<Record<string, string>> = {},
    connections?: Agent,
  ): Promise<EdgeResponse> => edge.send({ method: 'GET', path, headers }, connections)
  const token = (cnf: object): Promise<string> => {
    const iat = Math.floor(Date.now() / 1000)
    return edge.identity.sign({ sub: 'alice', iat, exp: iat + 600, cnf })
  }

  it('the certificate of the example is its SPIFFE ID, with tenant and roles', async () => {
    const response = await get('/orders/1', {}, orders())
    expect(response.status).toBe(200)
    expect(echoOf(response)?.identity).toMatchObject({
      'x-identity-subject': 'spiffe://example.org/ns/prod/sa/orders',
      'x-identity-issuer': 'example.org',
      'x-identity-tenant': 'prod',
      'x-identity-roles': 'writer,reader',
    })
  })

  it('without a certificate the answer is 403', async () => {
    const response = await get('/orders/1')
    expect([response.status, reasonOf(response)]).toEqual([403, 'client_cert_required'])
  })

  it('a token bound to the certificate is good with it and with no other connection', async () => {
    const bound = await token({ 'x5t#S256': sha256(new X509Certificate(read('orders.pem')).raw) })
    const headers = { authorization: `Bearer ${bound}` }
    expect((await get('/pay/1', headers, orders())).status).toBe(200)
    const without = await get('/pay/1', headers)
    expect([without.status, reasonOf(without)]).toEqual([401, 'binding_missing'])
    const own = new Agent({ cert: read('ca.pem'), key: read('ca.key') }) // trusted, and another one
    const other = await get('/pay/1', headers, own)
    expect([other.status, reasonOf(other)]).toEqual([401, 'binding_mismatch'])
  })

  it('a token that is bound to nothing is refused where binding is required', async () => {
    const response = await get('/pay/1', { authorization: `Bearer ${await token({})}` })
    expect([response.status, reasonOf(response)]).toEqual([401, 'binding_missing'])
  })

  it('DPoP: the first proof earns a nonce, the second one with it the answer', async () => {
    const key = testKey('ES256')
    const bound = await token({ jkt: thumbprintOf(publicJwk(key)) })
    const proof = (claims: object): string => {
      const iat = Math.floor(Date.now() / 1000)
      return proofOf(key, { claims: { htu: 'https://api.example.com/pay/1', ath: sha256(bound), iat, ...claims } })
    }
    const authorization = `DPoP ${bound}`
    const first = await get('/pay/1', { authorization, dpop: proof({}) })
    expect([first.status, reasonOf(first)]).toEqual([401, 'dpop_nonce_required'])
    expect(first.headers['www-authenticate']).toMatch(/^DPoP .*error="use_dpop_nonce"/)
    const nonce = first.headers['dpop-nonce']
    expect(nonce).toMatch(/^[A-Za-z0-9_-]{43}$/)

    const second = proof({ nonce })
    const answered = await get('/pay/1', { authorization, dpop: second })
    expect(answered.status).toBe(200)
    expect(echoOf(answered)?.identity['x-identity-subject']).toBe('alice')
    expect(answered.headers['dpop-nonce']).toBeUndefined()
    const replayed = await get('/pay/1', { authorization, dpop: second })
    expect([replayed.status, reasonOf(replayed)]).toEqual([401, 'dpop_replayed'])
    const missing = await get('/pay/1', { authorization })
    expect([missing.status, reasonOf(missing)]).toEqual([401, 'dpop_missing'])
    expect(missing.headers['www-authenticate']).toMatch(/^DPoP .*error="invalid_dpop_proof"/)
  })
})
