import type { IncomingHttpHeaders } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { echoOf, type EdgeResponse, reasonOf } from '../../agent/dev/request.ts'
import { type JwksServer, json, startJwksServer } from '../agent/identity/support/jwks-server.ts'
import { checkFiles } from '../support/command.ts'
import { codeBlock, docsPage, docsSection, replaced } from '../support/docs.ts'
import { type Edge, HAPROXY_VERSIONS, NO_TEMPORAL, startEdge } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'
import { filesOfPage } from '../support/page-files.ts'
import { type ConfigFiles, onFreePorts, writeConfigFiles } from '../support/shipped-files.ts'

const page = docsPage('identity/forward-auth.md')

interface Service {
  readonly title: string
  /** What the page calls it, in the URL and as a server. */
  readonly url: string
  readonly server?: string
  /** Where it is asked. */
  readonly path: string
  /** Its answer about a good session. */
  readonly headers: Readonly<Record<string, string>>
  readonly cookie: string
  readonly identity: Readonly<Record<string, string>>
  /** Where a browser without a session is sent; nowhere if absent. */
  readonly login?: string
  /** A page of its own, through HAProxy. */
  readonly loginPage?: string
  readonly versions: readonly (typeof HAPROXY_VERSIONS)[number][]
}

const SERVICES: readonly Service[] = [
  {
    title: 'An example with oauth2-proxy',
    url: 'http://127.0.0.1:4180',
    server: 'server oauth2 127.0.0.1:4180',
    path: '/oauth2/auth',
    headers: { 'x-auth-request-user': 'alice', 'x-auth-request-email': 'alice@example.com' },
    cookie: '_oauth2_proxy',
    identity: { 'x-identity-subject': 'alice' },
    login: '/oauth2/start?rd=%2Forders%2F1%3Fa%3Db',
    loginPage: '/oauth2/sign_in',
    versions: HAPROXY_VERSIONS,
  },
  {
    title: 'Authelia',
    url: 'https://auth.example.com',
    path: '/api/authz/auth-request',
    headers: { 'remote-user': 'bob', 'remote-groups': 'staff,buyers' },
    cookie: 'authelia_session',
    identity: { 'x-identity-subject': 'bob', 'x-identity-roles': 'staff,buyers' },
    login: 'https://auth.example.com/?rd=https%3A%2F%2Fwww.example.com%2Forders%2F1%3Fa%3Db',
    versions: ['3.2'],
  },
  {
    title: 'authentik',
    url: 'https://outpost.example.com',
    server:
      'server outpost outpost.example.com:443 ssl verify required ca-file @system-ca sni str(outpost.example.com)',
    path: '/outpost.goauthentik.io/auth/nginx',
    headers: { 'x-authentik-uid': '8f6e0a7e', 'x-authentik-username': 'carol', 'x-authentik-groups': 'staff|buyers' },
    cookie: 'authentik_proxy_0a1b2c3d',
    identity: { 'x-identity-subject': '8f6e0a7e', 'x-identity-roles': 'staff,buyers' },
    login: '/outpost.goauthentik.io/start?rd=https%3A%2F%2Fwww.example.com%2Forders%2F1%3Fa%3Db',
    loginPage: '/outpost.goauthentik.io/sign_in',
    versions: ['3.2'],
  },
  {
    title: 'Any other',
    url: 'https://session.example.com',
    path: '/check',
    headers: { 'x-user': 'dave', 'x-tenant': 'acme', 'x-roles': 'staff;buyers' },
    cookie: 'sid',
    identity: { 'x-identity-subject': 'dave', 'x-identity-tenant': 'acme', 'x-identity-roles': 'staff,buyers' },
    versions: ['3.2'],
  },
]

/** The files as the page has them, but for addresses: of the service, and of what the test runs. */
function writeFiles(folder: string, { title, url, server }: Service, origin: string): ConfigFiles {
  const own = docsSection(page, title)
  // "As above", say the others: the arguments of the first example.
  const part = own.includes('```spoe\n') ? own : `${own}\n\`\`\`spoe\n${codeBlock(page, 'spoe')}\`\`\`\n`
  const { config, haproxy, spoe } = filesOfPage(part, 'answers')
  // `onFreePorts` writes the lines of the listeners anew: the remark beside one, and the admin port, would be in its way.
  const plain = config.replace(/^admin: .*\n/m, '').replace(/^(spop: .*\}) #.*$/m, '$1')
  const { host } = new URL(origin)
  return writeConfigFiles(folder, {
    config: onFreePorts(replaced(plain, `url: ${url}`, `url: ${origin}`)),
    haproxy: server === undefined ? haproxy : replaced(haproxy, server, `server login ${host}`),
    spoe,
  })
}

const runs = SERVICES.flatMap((service) => service.versions.map((version) => ({ ...service, version })))

describe.each(runs)('forward-auth, "$title", with the lines of the page on HAProxy $version', (run) => {
  const { cookie, headers, identity, login, loginPage, path } = run
  const folder = newFolder()
  const asked: IncomingHttpHeaders[] = []
  let service: JwksServer
  let files: ConfigFiles
  let edge: Edge

  beforeAll(async () => {
    service = await startJwksServer()
    service.answer(path, (request, response) => {
      asked.push(request.headers)
      const known = request.headers.cookie === `${cookie}=good`
      response.writeHead(known ? 200 : 401, known ? headers : {}).end()
    })
    if (loginPage !== undefined) {
      service.answer(loginPage, (request, response) => json(request.headers)(request, response))
    }
    files = writeFiles(folder, run, service.issuer)
    edge = await startEdge(run.version, { ...files, temporalAddress: NO_TEMPORAL, worker: false })
  })
  afterAll(async () => {
    await edge?.stop()
    await service?.[Symbol.asyncDispose]()
    removeFolder(folder)
  })
  beforeEach(() => void asked.splice(0))

  const get = (target: string, own: Record<string, string> = {}): Promise<EdgeResponse> =>
    edge.send({ method: 'GET', path: target, headers: { host: 'www.example.com', ...own } })
  const BROWSER = { accept: 'text/html,application/xhtml+xml' }

  it('"check" finds nothing to say of them', async () => {
    expect(await checkFiles(files, edge.env)).toMatchObject({ ok: true, problems: [] })
  })

  it('a session is its owner, and the service is shown no other cookie', async () => {
    const response = await get('/orders/1', { cookie: `lang=de; ${cookie}=good`, 'x-device': 'phone' })
    expect(response.status).toBe(200)
    expect(echoOf(response)?.identity).toMatchObject(identity)
    expect(asked).toMatchObject([{ cookie: `${cookie}=good` }])
    expect(asked[0]?.['x-device']).toBe(run.title === 'Any other' ? 'phone' : undefined)
  })

  it('a program without a session gets 401, and so does one whose session has ended', async () => {
    const answers = [await get('/orders/1'), await get('/orders/1', { cookie: `${cookie}=over` })]
    expect(answers.map((answer) => [answer.status, reasonOf(answer)])).toEqual([
      [401, 'no_credentials'],
      [401, 'inactive'],
    ])
  })

  it.runIf(login !== undefined)('a browser is sent to the login', async () => {
    for (const own of [{}, { cookie: `${cookie}=over` }]) {
      const response = await get('/orders/1?a=b', { ...BROWSER, ...own })
      expect([response.status, response.headers['location']]).toEqual([302, login])
    }
  })

  it.runIf(loginPage !== undefined)(
    'which is reached without a session, under the name that was asked for',
    async () => {
      const response = await get(loginPage ?? '', BROWSER)
      expect(response.status).toBe(200)
      expect(JSON.parse(response.body)).toMatchObject({
        host: 'www.example.com',
        'x-forwarded-host': 'www.example.com',
        'x-forwarded-proto': 'https',
      })
      expect(asked).toEqual([])
    },
  )

  it('while the service is away nobody is sent to a login that is away too: 503 and Retry-After', async () => {
    service.answer(path, (request) => void request.socket.destroy())
    for (const own of [{}, BROWSER]) {
      const response = await get('/orders/1', { ...own, cookie: `${cookie}=other` })
      expect([response.status, reasonOf(response)]).toEqual([503, 'forward_auth_unavailable'])
      expect(response.headers['retry-after']).toBe('1')
      for (const name of ['www-authenticate', 'location']) expect(response.headers).not.toHaveProperty(name)
    }
  })
})
