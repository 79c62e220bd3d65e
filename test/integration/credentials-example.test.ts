import { createHmac, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { echoOf, type EdgeResponse, reasonOf } from '../../agent/dev/request.ts'
import { appendEntry } from '../../agent/identity/api-key/append-entry.ts'
import { formatKey } from '../../agent/identity/api-key/key-format.ts'
import { writtenHash } from '../../agent/identity/api-key/key-hash.ts'
import { checkFiles } from '../support/command.ts'
import { codeBlock, docsPage, replaced } from '../support/docs.ts'
import { type Edge, HAPROXY_VERSIONS, NO_TEMPORAL, startEdge } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'
import { type ConfigFiles, shipped, withArguments, writeConfigFiles } from '../support/shipped-files.ts'

const [webhooks, apiKeys] = [docsPage('identity/webhooks.md'), docsPage('identity/api-keys.md')]
const hooks = (language: string): string => codeBlock(webhooks, language)
const SECRETS = {
  github: randomBytes(24).toString('hex'),
  STRIPE_SECRET: `whsec_${randomBytes(24).toString('hex')}`,
  PARTNER_SECRET: `whsec_${randomBytes(24).toString('base64')}`,
}
const KEY = formatKey('ht', 'billing')

/** The shipped files with what the two pages add to them. */
async function writeFiles(folder: string): Promise<ConfigFiles> {
  const keys = codeBlock(apiKeys, 'yaml')
  const [, provider = ''] = /^ {2}providers:\n(.*?)^rules:/ms.exec(keys) ?? []
  const [, rule = ''] = /^rules:\n(.*)/ms.exec(keys) ?? []
  let config = replaced(hooks('yaml'), '  providers:\n', `  providers:\n${provider}`)
  config = replaced(config, 'rules:\n', `rules:\n${rule}`)
  let haproxy = replaced(shipped('haproxy.cfg'), 'global\n', `global\n${hooks('haproxy-global')}`)
  const pass = '    # What may pass without an answer'
  haproxy = replaced(haproxy, pass, `${hooks('haproxy')}${pass}`)
  const strip = '    http-request del-header ^x[^a-z0-9]forwarded'
  haproxy = replaced(haproxy, strip, `${codeBlock(apiKeys, 'haproxy')}${strip}`)
  let spoe = withArguments(shipped('spoe.conf'), codeBlock(apiKeys, 'spoe'))
  spoe = replaced(spoe, /^ *event on-frontend-http-request\n/m, hooks('spoe-event'))
  spoe = replaced(spoe, /^ *groups again\n/m, hooks('spoe-groups'))
  spoe = replaced(spoe, /^# The response to a request/m, `${hooks('spoe-message')}# The response to a request`)
  writeFileSync(join(folder, 'github.secret'), `${SECRETS.github}\n`)
  await appendEntry(join(folder, 'keys.yaml'), {
    id: 'billing',
    hash: writtenHash(KEY, undefined),
    owner: 'billing-team',
    tenant: 'acme',
    roles: ['reader'],
    scopes: ['reports:read'],
  })
  return writeConfigFiles(folder, { config, haproxy, spoe })
}

const hmac = (key: string | Buffer, ...parts: (string | Buffer)[]) => {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac
}

describe.each(HAPROXY_VERSIONS)('the examples of webhooks and API keys on HAProxy %s', (version) => {
  let folder: string
  let files: ConfigFiles
  let edge: Edge

  beforeAll(async () => {
    folder = newFolder()
    files = await writeFiles(folder)
    const { STRIPE_SECRET, PARTNER_SECRET } = SECRETS
    const env = { STRIPE_SECRET, PARTNER_SECRET }
    edge = await startEdge(version, { ...files, env, temporalAddress: NO_TEMPORAL, worker: false })
  })
  afterAll(async () => {
    await edge?.stop()
    removeFolder(folder)
  })

  const post = (path: string, body: Buffer, headers: Record<string, string>): Promise<EdgeResponse> =>
    edge.send({ method: 'POST', path, headers, body })
  const get = (path: string, headers: Record<string, string>): Promise<EdgeResponse> =>
    edge.send({ method: 'GET', path, headers })
  const github = (body: Buffer): Record<string, string> => ({
    'x-hub-signature-256': `sha256=${hmac(SECRETS.github, body).digest('hex')}`,
    'x-github-event': 'push',
    'x-github-delivery': '72d3162e-cc78-11e3',
  })

  it('"check" finds nothing to say of them', async () => {
    expect(await checkFiles(files, edge.env)).toMatchObject({ ok: true, problems: [] })
  })

  it.each([0, 25, 14_000, 60_000])('GitHub is let in with a body of %d bytes', async (size) => {
    const body = randomBytes(size)
    const response = await post('/hooks/github', body, github(body))
    expect([response.status, reasonOf(response)]).toEqual([200, undefined])
    expect(echoOf(response)?.identity).toMatchObject({
      'x-identity-subject': 'github/acme',
      'x-identity-issuer': 'github',
    })
  })

  it('a body that is larger than the buffer, or changed, or not signed, is refused', async () => {
    const large = randomBytes(70_000)
    const small = Buffer.from('{}')
    const answers = [
      await post('/hooks/github', large, github(large)),
      await post('/hooks/github', Buffer.from('{} '), github(small)),
      await post('/hooks/github', small, {}),
      await post('/hooks/../hooks/github', small, github(small)),
    ]
    expect(answers.map((answer) => [answer.status, reasonOf(answer)])).toEqual([
      [400, 'body_truncated'],
      [401, 'signature_invalid'],
      [401, 'no_credentials'],
      [400, 'ambiguous_path'],
    ])
  })

  it('Stripe and a partner with Standard Webhooks are let in once with each signature', async () => {
    const body = randomBytes(300)
    const at = String(Math.floor(Date.now() / 1000))
    const stripe = { 'stripe-signature': `t=${at},v1=${hmac(SECRETS.STRIPE_SECRET, `${at}.`, body).digest('hex')}` }
    const key = Buffer.from(SECRETS.PARTNER_SECRET.slice(6), 'base64')
    const partner = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': at,
      'webhook-signature': `v1,${hmac(key, `msg_1.${at}.`, body).digest('base64')}`,
    }
    for (const [path, headers] of [
      ['/hooks/stripe', stripe],
      ['/hooks/partner', partner],
    ] as const) {
      expect((await post(path, body, headers)).status).toBe(200)
      const again = await post(path, body, headers)
      expect([again.status, reasonOf(again)]).toEqual([401, 'replayed'])
    }
  })

  it('an API key is its owner, and goes no further', async () => {
    const response = await get('/reports/today', { 'x-api-key': KEY })
    expect(response.status).toBe(200)
    expect(echoOf(response)?.identity).toMatchObject({
      'x-identity-subject': 'billing-team',
      'x-identity-tenant': 'acme',
      'x-identity-roles': 'reader',
    })
    expect(response.body).not.toContain(KEY)
    expect(readFileSync(edge.haproxy.logFile, 'utf8')).not.toContain(KEY)
    expect(readFileSync(edge.agent.logFile, 'utf8')).not.toContain(KEY)
  })

  it('no key, an unknown one, a badly copied one and two are refused', async () => {
    const answers = [
      await get('/reports/today', {}),
      await get('/reports/today', { 'x-api-key': formatKey('ht', 'other') }),
      await get('/reports/today', { 'x-api-key': KEY.slice(0, -1) }),
      await edge.send({ method: 'GET', path: '/reports/today', headers: { 'x-api-key': [KEY, KEY] } }),
    ]
    expect(answers.map((answer) => [answer.status, reasonOf(answer)])).toEqual([
      [401, 'no_credentials'],
      [401, 'inactive'],
      [400, 'malformed_token'],
      [400, 'multiple_credentials'],
    ])
  })

  it('no secret stands in what the agent tells of itself', async () => {
    const told = await Promise.all(
      ['/status', '/metrics'].map(async (path) => (await fetch(edge.adminUrl + path)).text()),
    )
    const outputs = [...told, readFileSync(edge.agent.logFile, 'utf8')]
    for (const output of outputs) for (const secret of Object.values(SECRETS)) expect(output).not.toContain(secret)
  })
})
