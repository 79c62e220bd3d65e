import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatKey } from '../../agent/identity/api-key/key-format.ts'
import { credentialOf, DEPLOYER, HOST, presign } from '../agent/identity/aws/support/client.ts'
import { signToken, testKey } from '../agent/identity/support/tokens.ts'
import { type ClockedEdge, startClockedEdge, type Told } from '../support/clocked-edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'

// Of every kind of provider that has to ask somebody, or to read a file: while that is away nobody can be proven, and that is
// no fault of the credential. A 401 would make clients throw good ones away. What else an outage means for each kind is in
// the test of that kind.

/** Nobody listens here: port 1 of loopback. */
const AWAY = '127.0.0.1:1'
const KINDS = ['jwt', 'introspection', 'forward_auth', 'aws', 'alb', 'api_key', 'webhook'] as const

describe('a provider that is away, of whichever kind, through HAProxy 3.0', () => {
  const folder = newFolder()
  let edge: ClockedEdge

  beforeAll(async () => {
    const headers = ['cookie', 'x-api-key', 'x-amzn-oidc-data', 'x-hub-signature-256', 'content-length']
    edge = await startClockedEdge('3.0', headers)
    const missing = join(folder, 'missing')
    await edge.use(`identity:
  providers:
    jwt: { issuer: "http://${AWAY}", audience: orders-api, required: false }
    introspection:
      kind: introspection
      issuer: "http://${AWAY}"
      endpoint: "http://${AWAY}/introspect"
      client: { id: edge, secret: test-only-secret }
      audience: orders-api
      required: false
    forward_auth: { kind: forward_auth, url: "http://${AWAY}", cookies: sid, claims: { subject: X-User } }
    aws: { kind: aws, audience: orders-api, accounts: ["111122223333"], endpoints: { ${HOST}: "https://${AWAY}" } }
    alb:
      preset: alb
      signer: arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/edge/50dc6c495c0c9188
      client: orders
      issuer: https://id.example.com
      keysUrl: "http://${AWAY}"
    api_key: { kind: api_key, file: "${missing}", required: false }
    webhook: { kind: webhook, scheme: github, secrets: { file: "${missing}" }, required: false }
rules:
${KINDS.map((kind) => `  - { name: ${kind}, match: { path: /${kind === 'webhook' ? 'hooks/' : ''}${kind} }, identity: { require: ${kind} } }`).join('\n')}
`)
  })
  afterAll(async () => {
    await edge?.stop()
    removeFolder(folder)
  })

  const key = testKey('ES256')
  const dates = (): object => ({ iat: edge.clock.seconds, exp: edge.clock.seconds + 300 })
  const jwt = (): string => signToken(key, { iss: `http://${AWAY}`, sub: 'alice', aud: 'orders-api', ...dates() })
  const show = (path: string, headers: Record<string, string>): Promise<Told> => edge.ask(path, undefined, { headers })
  const padded = (value: object): string =>
    Buffer.from(JSON.stringify(value)).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
  const ofBalancer = (): string => {
    const header = {
      alg: 'ES256',
      kid: '083364f5-0c92-4b42-9b5f-1d0cd5c3a2a0',
      signer: 'arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/edge/50dc6c495c0c9188',
      client: 'orders',
      iss: 'https://id.example.com',
    }
    const signature = `${'A'.repeat(86)}==`
    return `${padded(header)}.${padded({ sub: 'alice', iss: 'https://id.example.com', ...dates() })}.${signature}`
  }

  it.each<[kind: (typeof KINDS)[number], ask: () => Promise<Told>, reason: string]>([
    ['jwt', () => edge.ask('/jwt', jwt()), 'keys_unavailable'],
    ['introspection', () => edge.ask('/introspection', 'opaque-token'), 'introspection_unavailable'],
    ['forward_auth', () => show('/forward_auth', { cookie: 'sid=good' }), 'forward_auth_unavailable'],
    ['aws', () => edge.ask('/aws', credentialOf(presign(DEPLOYER, { now: edge.clock.ms }))), 'sts_unavailable'],
    ['alb', () => show('/alb', { 'x-amzn-oidc-data': ofBalancer() }), 'keys_unavailable'],
    ['api_key', () => show('/api_key', { 'x-api-key': formatKey('ht', 'billing') }), 'secrets_unavailable'],
    [
      'webhook',
      () =>
        edge.ask('/hooks/webhook', undefined, {
          method: 'POST',
          headers: { 'content-length': 2, 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` },
          body: Buffer.from('{}'),
        }),
      'secrets_unavailable',
    ],
  ])('%s: 503 with Retry-After and without a challenge, again and again', async (_kind, ask, reason) => {
    // So often that whoever is asked is given up on for a while in between.
    for (let i = 0; i < 7; i++) {
      const told = await ask()
      expect(told).toMatchObject({ status: 503, reason, retryAfter: expect.stringMatching(/^[1-9]\d*$/) })
      expect([told.challenge, told.subject]).toEqual([undefined, undefined])
    }
  })
})
