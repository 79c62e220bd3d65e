import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EdgeResponse, echoOf, reasonOf } from '../../agent/dev/request.ts'
import { thumbprintOf } from '../../agent/identity/jwk.ts'
import { proofOf, publicJwk, sha256 } from '../agent/identity/dpop/support.ts'
import { testKey } from '../agent/identity/support/tokens.ts'
import { codeBlock, codeBlocks, docsPage, replaced } from '../support/docs.ts'
import { type Edge, HAPROXY_VERSIONS, NO_TEMPORAL, startEdge } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'
import { type ConfigFiles, shipped, withArguments, writeConfigFiles } from '../support/shipped-files.ts'

const certificates = docsPage('identity/certificates.md')
const [bindLine = '', certificateArgs = ''] = codeBlocks(certificates, 'haproxy')
const proofArgs = codeBlock(docsPage('identity/dpop.md'), 'haproxy')

const TOKENS = `    corp:
      issuer: \${OIDC_ISSUER}
      audience: orders-api
      binding: required
      dpop: { publicBaseUrl: https://api.example.com, nonce: true }
`

/** The shipped files with what the documentation adds to them, and a provider of tokens beside the example's. */
function writeFiles(folder: string): ConfigFiles {
  let config = replaced(codeBlock(certificates, 'yaml'), '  providers:\n', `  providers:\n${TOKENS}`)
  const pay = '  - { name: pay, match: { path: "/pay/**" }, identity: { require: corp } }\n'
  config = replaced(config, 'rules:\n', `rules:\n${pay}`)
  config = replaced(config, 'spop: {', 'spop: { deadline: "${SPOP_DEADLINE:-40ms}",')
  const bound = replaced(shipped('haproxy.cfg'), /^ *bind "\$\{EDGE_HTTPS\}".*\n/m, bindLine)
  const haproxy = replaced(bound, 'global\n', `global\n${codeBlock(certificates, 'haproxy-global')}`)
  const spoe = withArguments(withArguments(shipped('spoe.conf'), proofArgs), certificateArgs)
  return writeConfigFiles(folder, { config, haproxy, spoe })
}

describe.each(HAPROXY_VERSIONS)('the examples of the documentation on HAProxy %s', (version) => {
  let folder: string
  let edge: Edge

  beforeAll(async () => {
    folder = newFolder()
    const [making = ''] = codeBlock(certificates, 'sh').split('export CLIENT_CA')
    execFileSync('sh', ['-ec', making], { cwd: folder, stdio: 'pipe' })
    const env = { CLIENT_CA: join(folder, 'ca.pem') }
    edge = await startEdge(version, { ...writeFiles(folder), env, temporalAddress: NO_TEMPORAL, worker: false })
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

  it('a request as long as HAProxy takes, and a certificate with many names, fit into one frame', async () => {
    const names = Array.from({ length: 80 }, (_, i) => `DNS:replica-${i}.orders.prod.example.org`)
    writeFileSync(
      join(folder, 'many.ext'),
      `subjectAltName=URI:spiffe://example.org/ns/prod/sa/orders,${names.join(',')}\n`,
    )
    const openssl = 'x509 -req -in orders.csr -CA ca.pem -CAkey ca.key -days 1 -extfile many.ext -out many.pem'
    execFileSync('openssl', openssl.split(' '), { cwd: folder, stdio: 'pipe' })
    expect(new X509Certificate(read('many.pem')).raw.length).toBeGreaterThan(2500)
    const many = new Agent({ cert: read('many.pem'), key: read('orders.key'), keepAlive: false })
    expect((await get(`/orders/1?${'x'.repeat(15_000)}`, {}, many)).status).toBe(200)
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
    expect(response.headers['www-authenticate']).toMatch(/^DPoP realm="[^"]+", error="invalid_token", .*, algs="/)
    const nothing = await get('/pay/1')
    expect([nothing.status, reasonOf(nothing)]).toEqual([401, 'no_credentials'])
    expect(nothing.headers['www-authenticate']).toMatch(/^DPoP realm="[^"]+", algs="[^"]*\bES256\b[^"]*"$/)
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
