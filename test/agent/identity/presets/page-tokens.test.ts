import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseConfig } from '../../../../agent/config/load.ts'
import { type Authenticator, createAuthenticator } from '../../../../agent/identity/authenticator.ts'
import type { ProviderConfig } from '../../../../agent/identity/config.ts'
import { providerConfigs } from '../../../../agent/identity/provider-configs.ts'
import { compileRules } from '../../../../agent/rules/compile.ts'
import { decide } from '../../../../agent/rules/decide.ts'
import type { Decision } from '../../../../agent/rules/decision.ts'
import { RequestView } from '../../../../agent/rules/facts.ts'
import { codeBlock, docsPage, docsSection } from '../../../support/docs.ts'
import { evidenceOf } from '../support/evidence.ts'
import { type JwksServer, startJwksServer } from '../support/jwks-server.ts'
import { memoryLog, until } from '../support/provider.ts'
import { signToken, testKey } from '../support/tokens.ts'
import { signInTokens } from './sign-in-tokens.ts'
import { NOW } from './support.ts'
import { workloadTokens } from './workload-tokens.ts'

const page = docsPage('identity/presets.md')
const key = testKey('RS256')
type Claims = Record<string, unknown>

const cases = [...signInTokens, ...workloadTokens]

/** A token as the product makes it: the table of the presets' own tests, with the names that the page uses. */
function genuine(preset: string, changes: Claims = {}): { typ: string | undefined; claims: Claims } {
  const found = cases.find((one) => one.preset === preset)
  if (found === undefined) throw new Error(`there is no token of ${preset}`)
  return { typ: found.typ, claims: { ...found.claims, ...changes } }
}

const ORDERS = { method: 'GET', path: '/orders/1', route: 'orders' }
const AWS = 'https://sts.amazonaws.com/'
const HOUSE = 'https://example.com/claims'
/** RFC 9068 section 2.2.1. */
const accessToken = {
  typ: 'at+jwt',
  claims: {
    sub: 'alice',
    aud: '',
    client_id: 'orders-shop',
    iat: NOW - 10,
    exp: NOW + 300,
    jti: 'dbe39bf3a3ba4238a513f51d6e1691c4',
    scope: 'orders:read',
    roles: ['grp-0042', 'grp-9999'],
    [HOUSE]: { org: 'acme', team: 'orders', env: 'production' },
  },
}

/** Of each provider on the page: whose section, its token, the request, and who that is. */
const callers = [
  {
    section: 'oidc',
    provider: 'corp',
    token: accessToken,
    ...ORDERS,
    identity: { subject: 'alice', tenant: 'acme', roles: ['buyer', 'admin'] },
  },
  {
    section: 'okta',
    provider: 'okta',
    token: genuine('okta', { cid: '0oa1a2b3c4d5e6f7g8h9', groups: ['Everyone', 'orders-admins'] }),
    ...ORDERS,
    identity: { subject: 'alice@acme.example', roles: ['admin'] },
  },
  {
    section: 'entra',
    provider: 'entra',
    token: genuine('entra'),
    ...ORDERS,
    identity: {
      subject: '690222be-ff1a-4d56-abd1-7e4f7d38e474',
      tenant: '72f988bf-86f1-41af-91ab-2d7cd011db47',
      roles: ['Orders.Admin'],
    },
  },
  {
    section: 'auth0',
    provider: 'auth0',
    token: genuine('auth0', { org_id: 'org_9ybsU1dN2dKfDkBi' }),
    ...ORDERS,
    identity: { tenant: 'org_9ybsU1dN2dKfDkBi', roles: ['orders:read', 'orders:write'] },
  },
  { section: 'google', provider: 'staff', token: genuine('google'), ...ORDERS, identity: { tenant: 'acme.example' } },
  {
    section: 'google',
    provider: 'jobs',
    token: genuine('google, service accounts', { email: 'orders@acme-prod.iam.gserviceaccount.com' }),
    ...ORDERS,
    path: '/jobs/1',
    identity: { subject: '110169484474386276335' },
  },
  { section: 'keycloak', provider: 'keycloak', token: genuine('keycloak'), ...ORDERS, identity: { roles: ['admin'] } },
  {
    section: 'github-actions',
    provider: 'ci',
    token: genuine('github-actions', { repository_owner_id: '65001234' }),
    method: 'POST',
    path: '/deploy/shop',
    route: 'deploy',
    identity: { subject: 'repo:acme/shop:environment:production', tenant: 'acme' },
  },
  {
    section: 'aws-sts',
    provider: 'aws',
    token: genuine('aws-sts', {
      [AWS]: { ...(genuine('aws-sts').claims[AWS] as object), org_id: 'o-a1b2c3d4e5' },
    }),
    ...ORDERS,
    identity: { subject: 'arn:aws:iam::123456789012:role/orders-worker', tenant: '123456789012' },
  },
  { section: 'eks', provider: 'prod-cluster', token: genuine('eks'), ...ORDERS, identity: { tenant: 'shop' } },
  { section: 'kubernetes', provider: 'cluster', token: genuine('kubernetes'), ...ORDERS, identity: { tenant: 'shop' } },
  {
    section: 'cognito',
    provider: 'cognito',
    token: genuine('cognito', { client_id: '1h57kf5cpq17m0eml12EXAMPLE' }),
    ...ORDERS,
    identity: { subject: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee', roles: ['buyers'] },
  },
]

let server: JwksServer
beforeAll(async () => {
  server = await startJwksServer()
  server.publish([key.jwk])
})
afterAll(() => server[Symbol.asyncDispose]())

/** The page's own issuers, each in the place that this one has on loopback. */
function onLoopback(providers: readonly ProviderConfig[]): ProviderConfig[] {
  return providers.map(({ jwksTokenFile: _token, caFile: _ca, ...provider }, i) => ({
    ...provider,
    issuer: `${server.issuer}/${i}`,
    jwksUri: `${server.issuer}/jwks`,
  }))
}

it('there is one of every provider of the page', () => {
  const onPage = [...page.matchAll(/^## (\S+)\n/gm)]
    .map(([, name = '']) => name)
    .filter((name) => docsSection(page, name).includes('```yaml'))
    .flatMap((section) => {
      const { config } = parseConfig('agent.yaml', codeBlock(docsSection(page, section), 'yaml'), {})
      return Object.keys(config.identity.providers).map((name) => `${section} ${name}`)
    })
  expect(callers.map(({ section, provider }) => `${section} ${provider}`)).toEqual(onPage)
})

describe.each(callers)(
  'the example of $section, provider $provider',
  ({ section, provider, token, method, path, route, identity }) => {
    const { config, document } = parseConfig('agent.yaml', codeBlock(docsSection(page, section), 'yaml'), {})
    let auth: Authenticator
    let issuer: string
    let own: Claims

    beforeAll(async () => {
      const providers = onLoopback(providerConfigs(config))
      const mine = providers.find(({ name }) => name === provider)
      issuer = mine?.issuer ?? ''
      const [audience = ''] = mine?.audience ?? []
      const { aud } = token.claims as Claims
      own = aud === undefined ? {} : { aud: Array.isArray(aud) ? [audience, ...aud.slice(1)] : audience }
      auth = createAuthenticator(providers, { log: memoryLog(), now: () => NOW * 1000 })
      auth.start()
      await until(() => auth.ready())
    })
    afterAll(() => auth.close())

    /** What becomes of a request with the token, changed. */
    const ask = async (changes: Claims = {}, typ = token.typ): Promise<Decision> => {
      const text = signToken(key, { ...token.claims, iss: issuer, ...own, ...changes }, { typ })
      const request = new RequestView('6B000000-1', method, 'www.example.com', path, '', '192.0.2.1', true)
      return decide(compileRules(config, document), auth, request, evidenceOf({ authorization: `Bearer ${text}` }))
    }

    it('lets in a token as the product makes it', async () => {
      const decision = await ask()
      expect([decision.reason, decision.rule?.route]).toEqual(['ok', route])
      expect(decision.identity).toMatchObject({ provider, ...identity })
    })

    it('refuses a token that was made for somebody else', async () => {
      const other = 'client_id' in token.claims && !('aud' in token.claims) ? { client_id: 'other' } : { aud: 'other' }
      expect((await ask(other)).reason).toBe('audience_mismatch')
    })

    if (section !== 'oidc') return
    it.each(['iat', 'jti', 'client_id'])('demands %s, as RFC 9068 does and typ alone does not', async (claim) => {
      expect((await ask({ [claim]: undefined })).reason).toBe('claim_missing')
    })

    it('takes no token that is not meant to be an access token', async () => {
      expect((await ask({}, 'JWT')).reason).toBe('typ_mismatch')
      expect((await ask({ [HOUSE]: { org: 'acme', env: 'staging' } })).reason).toBe('claim_invalid')
    })
  },
)
