import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { echoOf, type EdgeResponse, reasonOf } from '../../agent/dev/request.ts'
import { checkFiles } from '../support/command.ts'
import { docsPage, docsSection, replaced } from '../support/docs.ts'
import { bearer, type Edge, HAPROXY_VERSIONS, NO_TEMPORAL, startEdge } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'
import { filesOfPage } from '../support/page-files.ts'
import { type ConfigFiles, onFreePorts, writeConfigFiles } from '../support/shipped-files.ts'

const page = docsPage('identity/presets.md')

/** The files as the page has them, but for addresses: where the issuer's keys are, and the servers behind. */
function writeFiles(folder: string, name: string, loopback: (config: string) => string): ConfigFiles {
  const { config, haproxy, spoe } = filesOfPage(docsSection(page, name), 'identity')
  return writeConfigFiles(folder, {
    config: onFreePorts(loopback(config)),
    haproxy: haproxy.replace('127.0.0.1:9203', '"${APP_SERVER}"'),
    spoe,
  })
}

/** An edge with the files of one section. */
function edgeOf(version: (typeof HAPROXY_VERSIONS)[number], name: string, loopback: (config: string) => string) {
  const folder = newFolder()
  const running: { files?: ConfigFiles; edge?: Edge } = {}
  beforeAll(async () => {
    running.files = writeFiles(folder, name, loopback)
    running.edge = await startEdge(version, { ...running.files, temporalAddress: NO_TEMPORAL, worker: false })
  })
  afterAll(async () => {
    await running.edge?.stop()
    removeFolder(folder)
  })
  return (): { files: ConfigFiles; edge: Edge } => {
    const { files, edge } = running
    if (files === undefined || edge === undefined) throw new Error('the edge has not started')
    return { files, edge }
  }
}

const dates = (): { iat: number; exp: number } => {
  const iat = Math.floor(Date.now() / 1000)
  return { iat, exp: iat + 300 }
}
const outcome = (response: EdgeResponse): unknown => [response.status, reasonOf(response)]

describe.each(HAPROXY_VERSIONS)('the example of oidc on HAProxy %s', (version) => {
  const running = edgeOf(version, 'oidc', (config) => replaced(config, 'https://id.example.com', '${OIDC_ISSUER}'))
  const token = (changes: object = {}): Promise<string> =>
    running().edge.identity.sign({
      sub: 'alice',
      aud: 'https://orders.example.com',
      client_id: 'orders-shop',
      jti: 'dbe39bf3a3ba4238a513f51d6e1691c4',
      scope: 'orders:read',
      roles: ['grp-0042'],
      'https://example.com/claims': { org: 'acme', team: 'orders', env: 'production' },
      ...dates(),
      ...changes,
    })
  const get = (headers: Record<string, string>): Promise<EdgeResponse> =>
    running().edge.send({ method: 'GET', path: '/orders/1', headers })

  it('"check" finds nothing to say of it', async () => {
    const { files, edge } = running()
    expect(await checkFiles(files, edge.env)).toMatchObject({ ok: true, problems: [] })
  })

  it('lets in a token in the header and in the cookie, and tells the server behind of the caller', async () => {
    for (const headers of [bearer(await token()), { cookie: `lang=de; access_token=${await token()}` }]) {
      const response = await get({ ...headers, 'x-identity-team': 'forged' })
      expect(response.status).toBe(200)
      expect(echoOf(response)).toMatchObject({
        upstream: 'orders',
        identity: {
          'x-identity-subject': 'alice',
          'x-identity-caller': 'alice',
          'x-identity-tenant': 'acme',
          'x-identity-team': 'orders',
          'x-identity-roles': 'buyer,admin',
        },
      })
    }
  })

  it('refuses two tokens, one without a claim of RFC 9068, and one without the scope', async () => {
    expect(outcome(await get({ ...bearer(await token()), cookie: `access_token=${await token()}` }))).toEqual([
      400,
      'multiple_credentials',
    ])
    const refused = [{ jti: undefined }, { scope: 'orders:write' }]
    const answers = await Promise.all(refused.map(async (changes) => outcome(await get(bearer(await token(changes))))))
    expect(answers).toEqual([
      [401, 'claim_missing'],
      [403, 'insufficient_scope'],
    ])
  })
})

describe('the example of github-actions on HAProxy 3.2', () => {
  // GitHub's own name stays; the keys are those of this test, which signs with ES256.
  const running = edgeOf('3.2', 'github-actions', (config) =>
    replaced(
      config,
      '      preset: github-actions\n',
      '      preset: github-actions\n      jwksUri: "${OIDC_ISSUER}/jwks"\n      algorithms: [ES256]\n      typ: at+jwt\n',
    ),
  )
  const job = (changes: object = {}): Promise<string> =>
    running().edge.identity.sign({
      iss: 'https://token.actions.githubusercontent.com',
      aud: 'https://deploy.acme.example',
      sub: 'repo:acme/shop:environment:production',
      repository: 'acme/shop',
      repository_owner: 'acme',
      repository_owner_id: '65001234',
      ref: 'refs/heads/main',
      environment: 'production',
      run_id: '1234567890',
      ...dates(),
      ...changes,
    })
  const deploy = async (changes: object = {}): Promise<EdgeResponse> =>
    running().edge.send({ method: 'POST', path: '/deploy/shop', headers: bearer(await job(changes)) })

  it('"check" finds nothing to say of it', async () => {
    const { files, edge } = running()
    expect(await checkFiles(files, edge.env)).toMatchObject({ ok: true, problems: [] })
  })

  it('a job reaches the backend of the page, which is told of repository and run', async () => {
    const response = await deploy()
    expect(response.status).toBe(200)
    expect(echoOf(response)?.identity).toMatchObject({
      'x-identity-tenant': 'acme',
      'x-identity-repository': 'acme/shop',
      'x-identity-run': '1234567890',
    })
    expect(await running().edge.logged(response)).toMatchObject({ backend: 'deploy', server: 'deploy1' })
  })

  it('a job of another repository or branch does not', async () => {
    expect(outcome(await deploy({ repository: 'acme/other' }))).toEqual([401, 'claim_invalid'])
    expect(outcome(await deploy({ ref: 'refs/heads/other' }))).toEqual([401, 'claim_invalid'])
  })
})
