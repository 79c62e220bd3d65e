import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitUntil } from '../../agent/dev/process.ts'
import { echoOf, type EdgeResponse, reasonOf } from '../../agent/dev/request.ts'
import { albKey, albToken, KID, type LoadBalancer, padded, pemOf } from '../agent/identity/alb/support.ts'
import { type ConnectProxy, startConnectProxy } from '../agent/identity/support/connect-proxy.ts'
import { type HttpsServer, startHttpsServer } from '../agent/identity/support/https-server.ts'
import { type Answer, text } from '../agent/identity/support/jwks-server.ts'
import { clientCertificate } from '../support/client-certificates.ts'
import { checkFiles } from '../support/command.ts'
import { codeBlocks, docsPage, replaced } from '../support/docs.ts'
import { bearer, type Edge, HAPROXY_VERSIONS, NO_TEMPORAL, outcomeOf, startEdge } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'
import { type ConfigFiles, onFreePorts, shipped, withArguments, writeConfigFiles } from '../support/shipped-files.ts'

const page = docsPage('identity/aws.md')
const example = codeBlocks(page, 'yaml').find((block) => block.includes('preset: alb')) ?? ''
const argument = codeBlocks(page, '').find((block) => block.includes('h_x_amzn_oidc_data')) ?? ''
const [, SIGNER = ''] = /signer: (\S+)/.exec(example) ?? []
const [, CLIENT = ''] = /client: (\S+)/.exec(example) ?? []
const [, ISSUER = ''] = /issuer: (\S+)/.exec(example) ?? []
const OTHERS = SIGNER.replace('111122223333', '999999999999')

/** Where AWS keeps the keys of the load balancers of that region, of strangers' ones too. */
const KEYS_HOST = 'public-keys.auth.elb.eu-west-1.amazonaws.com'
const kidOf = (i: number): string => `0b2b1ac0-7bf0-4d1c-8c4b-${String(i).padStart(12, '0')}`

/** The keys of a region on loopback: reached by their own name and over TLS, through a proxy as the page offers it. */
interface KeyPlace {
  readonly requests: { readonly host: string | undefined; readonly path: string | undefined }[]
  readonly answers: Map<string, Answer>
  readonly proxy: ConnectProxy
  readonly cert: string
  [Symbol.asyncDispose](): Promise<void>
}

async function startKeyPlace(): Promise<KeyPlace> {
  const { cert, key } = await clientCertificate({ names: [['dns', KEYS_HOST]] })
  const requests: KeyPlace['requests'] = []
  const answers = new Map<string, Answer>()
  const server: HttpsServer = await startHttpsServer(cert + key, (request, response) => {
    requests.push({ host: request.headers.host, path: request.url })
    const denied = text('<Error><Code>AccessDenied</Code></Error>', 403)
    const answer = answers.get(request.url ?? '') ?? denied
    answer(request, response)
  })
  const proxy = await startConnectProxy({ port: Number(server.url.port) })
  return {
    requests,
    answers,
    proxy,
    cert,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** The example of the page, on the way to this key place; and a rule that takes either of two credentials. */
function writeFiles(folder: string, { proxy, cert }: KeyPlace): ConfigFiles {
  const caFile = join(folder, 'keys-ca.pem')
  writeFileSync(caFile, cert)
  const way = `      preset: alb\n      proxy: ${proxy.url.origin}\n      caFile: ${caFile}\n`
  const corp = '    corp: { preset: oidc, issuer: "${OIDC_ISSUER}", audience: orders-api }\n'
  const both = '  - { name: both, match: { path: "/both/**" }, identity: { require: [users, corp] } }\n'
  const config = replaced(example, '      preset: alb\n', way)
  return writeConfigFiles(folder, {
    config: onFreePorts(replaced(config, /^rules:\n/m, `${corp}rules:\n${both}`)),
    haproxy: shipped('haproxy.cfg'),
    spoe: withArguments(shipped('spoe.conf'), argument),
  })
}

describe.each(HAPROXY_VERSIONS)('users whom a load balancer has signed in, through HAProxy %s', (version) => {
  let folder: string
  const balancer: LoadBalancer = { signer: SIGNER, client: CLIENT, issuer: ISSUER, key: albKey() }
  const another = albKey()
  let keys: KeyPlace
  let files: ConfigFiles
  let edge: Edge

  beforeAll(async () => {
    folder = newFolder()
    keys = await startKeyPlace()
    keys.answers.set(`/${KID}`, text(pemOf(balancer.key)))
    files = writeFiles(folder, keys)
    edge = await startEdge(version, {
      ...files,
      temporalAddress: NO_TEMPORAL,
      worker: false,
    })
  })
  afterAll(async () => {
    await edge?.stop()
    await keys?.[Symbol.asyncDispose]()
    removeFolder(folder)
  })

  const seconds = (): number => Math.floor(Date.now() / 1000)
  const token = (header: object = {}, payload: object = {}, from = balancer): string =>
    albToken(from, seconds(), header, payload)
  const get = (path: string, headers: Readonly<Record<string, string | readonly string[]>>): Promise<EdgeResponse> =>
    edge.send({ method: 'GET', path, headers })
  const show = (data: string): Promise<unknown[]> => outcomeOf(get('/orders/7', { 'x-amzn-oidc-data': data }))

  it('"check" finds nothing to say of the example, with the times that it has', async () => {
    const times = { SPOP_DEADLINE: undefined, SPOE_PROCESSING_TIMEOUT: undefined }
    expect(await checkFiles(files, { ...edge.env, ...times })).toMatchObject({ ok: true, problems: [] })
  })

  it('a user is let in, and the server behind is told who it is, whatever the client says of himself', async () => {
    const data = token({}, { sub: 'alice', 'cognito:groups': ['buyers', 'staff'] })
    // As a load balancer sends them; only the first is signed by it.
    const headers = { 'x-amzn-oidc-data': data, 'x-amzn-oidc-identity': 'root', 'x-amzn-oidc-accesstoken': 'a.b.c' }
    const response = await get('/orders/7', { ...headers, 'x-identity-subject': 'root', x_identity_roles: 'admin' })
    expect(response.status).toBe(200)
    expect(echoOf(response)?.upstream).toBe('orders')
    expect(echoOf(response)?.identity).toEqual({
      'x-identity-subject': 'alice',
      'x-identity-issuer': ISSUER,
      'x-identity-roles': 'buyers,staff',
    })
    expect(await edge.logged(response)).toMatchObject({ decision: 'allow', reason: 'ok', subject: 'alice' })
    // A token is good for as long as it lives: a load balancer sends it with each request of the session.
    expect(await show(data)).toEqual([200, 'ok'])
  })

  it('its key comes from the region of the load balancer, once', () => {
    expect(keys.proxy.targets).toEqual([`${KEYS_HOST}:443`])
    expect(keys.requests).toEqual([{ host: KEYS_HOST, path: `/${KID}` }])
  })

  it('padding of every length passes HAProxy, and a token without its padding is none', async () => {
    const paddings = new Set<string>()
    for (const fill of ['', 'x', 'xx']) {
      const data = token({}, { email: `a${fill}@example.com` })
      const [, payload = '', signature = ''] = data.split('.')
      paddings.add(/=*$/.exec(payload)?.[0] ?? '')
      expect(signature).toMatch(/==$/)
      expect(await show(data)).toEqual([200, 'ok'])
      expect(await show(data.replaceAll('=', ''))).toEqual([400, 'malformed_token'])
      expect(await show(data.replace(/==$/, ''))).toEqual([400, 'malformed_token'])
      expect(await show(data.replace(/==$/, '='))).toEqual([400, 'malformed_token'])
    }
    expect([...paddings].toSorted()).toEqual(['', '=', '=='])
  })

  it.each<[string, () => string, number, string]>([
    ['of a load balancer in another account (W25)', () => token({ signer: OTHERS }), 401, 'unknown_issuer'],
    ['that names no load balancer (W25)', () => token({ signer: undefined }), 401, 'claim_missing'],
    ['of another application (W25)', () => token({ client: 'another' }), 401, 'audience_mismatch'],
    [
      'of another issuer',
      () => token({ iss: 'https://evil.example' }, { iss: 'https://evil.example' }),
      401,
      'unknown_issuer',
    ],
    ['signed with another key', () => token({}, {}, { ...balancer, key: another }), 401, 'signature_invalid'],
    [
      'with claims of somebody else',
      () => withPayload(token(), { sub: 'root', iss: ISSUER, exp: seconds() + 120 }),
      401,
      'signature_invalid',
    ],
    ['signed with nothing', () => token({ alg: 'none' }), 401, 'alg_not_allowed'],
    ['that was kept for an hour', () => albToken(balancer, seconds() - 3600), 401, 'expired'],
    ['whose claims have expired', () => token({}, { exp: seconds() - 60 }), 401, 'expired'],
    ['whose key is named by a path (W26)', () => token({ kid: `../${KID}` }), 400, 'malformed_token'],
    ['that tells where its key is', () => token({ jku: 'https://evil.example/' }), 400, 'malformed_token'],
    ['over 8192 bytes', () => token({}, { fill: 'x'.repeat(8192) }), 400, 'token_too_large'],
  ])('a token %s is refused, and nobody is asked', async (_what, make, status, reason) => {
    const before = keys.requests.length
    const response = await get('/orders/7', { 'x-amzn-oidc-data': make() })
    expect([response.status, reasonOf(response)]).toEqual([status, reason])
    expect(keys.requests).toHaveLength(before)
    const challenge = response.headers['www-authenticate']
    if (status === 401) expect(challenge).toMatch(/^Bearer realm="haproxy-temporal", error="invalid_token"/)
  })

  it('a key that the region does not have is asked for once', async () => {
    const before = keys.requests.length
    for (let i = 0; i < 3; i++) expect(await show(token({ kid: kidOf(1) }))).toEqual([401, 'unknown_key'])
    expect(keys.requests.slice(before).map(({ path }) => path)).toEqual([`/${kidOf(1)}`])
  })

  it('a request without a token, and one with two, are refused', async () => {
    const [first, second] = [token(), token({}, { sub: 'bob' })]
    expect(await outcomeOf(get('/orders/7', {}))).toEqual([401, 'no_credentials'])
    expect(await outcomeOf(get('/orders/7', { 'x-amzn-oidc-data': '' }))).toEqual([401, 'no_credentials'])
    expect(await outcomeOf(get('/orders/7', { 'x-amzn-oidc-data': [first, second] }))).toEqual([
      400,
      'multiple_credentials',
    ])
    expect(await show(`${first}, ${second}`)).toEqual([400, 'malformed_token'])
    // Either is right here, both are not.
    const jwt = bearer(await edge.identity.token('viewer'))
    expect(await outcomeOf(get('/both/7', jwt))).toEqual([200, 'ok'])
    expect(await outcomeOf(get('/both/7', { 'x-amzn-oidc-data': first }))).toEqual([200, 'ok'])
    expect(await outcomeOf(get('/both/7', { ...jwt, 'x-amzn-oidc-data': first }))).toEqual([
      400,
      'multiple_credentials',
    ])
  })

  it('without the place of the keys a new key is 503 and Retry-After, known ones serve; then all is well again', async () => {
    const fresh = { ...balancer, key: albKey() }
    const troubles: Answer[] = [text('oops', 503), (request) => void request.socket.destroy()]
    for (const [i, trouble] of troubles.entries()) {
      const kid = kidOf(10 + i)
      keys.answers.set(`/${kid}`, trouble)
      const data = token({ kid }, { sub: 'carol' }, fresh)
      const response = await get('/orders/7', { 'x-amzn-oidc-data': data })
      expect([response.status, reasonOf(response)]).toEqual([503, 'keys_unavailable'])
      expect(response.headers['retry-after']).toMatch(/^[1-9]\d*$/)
      expect(response.headers['www-authenticate']).toBeUndefined()
      expect(await show(token())).toEqual([200, 'ok'])
      keys.answers.set(`/${kid}`, text(pemOf(fresh.key)))
      await waitUntil('the keys to be asked for again', async () => (await show(data))[0] === 200)
    }
  })
})

describe.each(HAPROXY_VERSIONS)('with less time than a key takes, behind HAProxy %s', (version) => {
  it('the first request is 503, and the next one passes with the key that has come meanwhile', async () => {
    const folder = newFolder()
    await using keys = await startKeyPlace()
    const balancer: LoadBalancer = { signer: SIGNER, client: CLIENT, issuer: ISSUER, key: albKey() }
    let answer = (): void => {}
    keys.answers.set(`/${KID}`, (request, response) => (answer = () => text(pemOf(balancer.key))(request, response)))
    const edge = await startEdge(version, {
      ...writeFiles(folder, keys),
      env: { SPOP_DEADLINE: '300ms' },
      temporalAddress: NO_TEMPORAL,
      worker: false,
    })
    try {
      const headers = { 'x-amzn-oidc-data': albToken(balancer, Math.floor(Date.now() / 1000)) }
      const get = (): Promise<EdgeResponse> => edge.send({ method: 'GET', path: '/orders/7', headers })
      const first = await get()
      expect([first.status, reasonOf(first), first.headers['retry-after']]).toEqual([503, 'timeout', '1'])
      await waitUntil('the key to be asked for', async () => keys.requests.length === 1)
      answer()
      await waitUntil('the key to be known', async () => (await get()).status === 200)
      expect(keys.requests).toHaveLength(1)
    } finally {
      await edge.stop()
      removeFolder(folder)
    }
  })
})

function withPayload(data: string, payload: object): string {
  const [header = '', , signature = ''] = data.split('.')
  return `${header}.${padded(JSON.stringify(payload))}.${signature}`
}
