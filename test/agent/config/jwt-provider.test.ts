import { describe, expect, it } from 'vitest'
import { RESERVED_VARIABLES } from '../../../agent/rules/variables.ts'
import { configsOf, problemsOf } from '../identity/presets/support.ts'

const oidc = (settings: string): string => `{ issuer: "https://id.example.com", audience: a, ${settings} }`

it.each(['env', 'http://user:secret@proxy.example:3128'])('proxy %s is one', (proxy) => {
  expect(configsOf(oidc(`proxy: "${proxy}"`))[0]).toMatchObject({ proxy })
})

describe('token.from', () => {
  const locationsOf = (from: string) => configsOf(oidc(`token: { from: ${from} }`))[0]?.locations

  const authorization = [
    { in: 'authorization', scheme: 'bearer' },
    { in: 'authorization', scheme: 'dpop' },
  ]

  it('is the Authorization header by default, as Bearer and as DPoP', () => {
    expect(configsOf('{ issuer: "https://id.example.com", audience: a }')[0]?.locations).toEqual(authorization)
  })

  it.each([
    ['authorization', authorization],
    ['[{ cookie: session }]', [{ in: 'cookie', name: 'session' }]],
    ['{ query: access_token }', [{ in: 'query', name: 'access_token' }]],
    ['{ header: X-Token }', [{ in: 'header', name: 'x-token' }]],
    ['{ header: X-Token, prefix: "Token " }', [{ in: 'header', name: 'x-token', prefix: 'Token ' }]],
    ['[authorization, { cookie: __Host-s }]', [...authorization, { in: 'cookie', name: '__Host-s' }]],
  ])('reads %s', (from, locations) => {
    expect(locationsOf(from)).toEqual(locations)
  })

  it.each([
    ['[]', ''],
    ['bearer', 'expected "authorization", { cookie'],
    ['{ header: Authorization }', 'write "authorization"'],
    ['{ header: cookie }', 'write { cookie: <name> }'],
    ['{ header: "a b" }', 'expected a header name'],
    ['{ header: a, prefix: "\\r\\n" }', 'printable ASCII'],
    ['{ cookie: "a;b" }', 'name of a cookie'],
    ['{ query: "a b" }', 'name of a query parameter'],
    ['{ cookie: a, query: b }', ''],
  ])('refuses %s', (from, message) => {
    const problems = problemsOf(oidc(`token: { from: ${from} }`))
    expect(problems).not.toEqual([])
    expect(problems.map((p) => p.message).join()).toContain(message)
  })
})

describe('settings of any preset', () => {
  it('reach the provider as they are', () => {
    const [config] = configsOf(
      oidc(
        `requiredClaims: [{ claim: a, values: x }, { claim: [b, c], values: [1, true], patterns: "y*" }, { claim: d }],
         requiredScopes: [s], tenants: t, roleMap: { g: r, h: [r, q] }, keepUnmappedRoles: true, allowIdToken: true,
         claims: { subject: uid, variables: { team: [x, y], region: region } },
         binding: required, dpop: { publicBaseUrl: "https://api.example.com/", nonce: true },
         resourceMetadata: "https://api.example.com/.well-known/oauth-protected-resource",
         jwksUris: ["https://a.example/k", "https://b.example/k"], jwksHosts: [Keys.example, "k.example:8443"],
         jwksTokenFile: t, keysFile: k, caFile: c, proxy: "http://proxy.example:3128", maxStale: 2h`,
      ),
    )
    expect(config).toEqual({
      name: 'p',
      issuer: 'https://id.example.com',
      audience: ['a'],
      algorithms: ['RS256', 'ES256', 'EdDSA', 'PS256'],
      clockSkewS: 60,
      required: true,
      locations: [
        { in: 'authorization', scheme: 'bearer' },
        { in: 'authorization', scheme: 'dpop' },
      ],
      requiredClaims: [
        { path: ['a'], values: ['x'] },
        { path: ['b', 'c'], values: [1, true], patterns: ['y*'] },
        { path: ['d'] },
      ],
      requiredScopes: ['s'],
      tenants: ['t'],
      roleMap: { g: ['r'], h: ['r', 'q'] },
      keepUnmappedRoles: true,
      allowIdToken: true,
      claims: {
        subject: ['uid'],
        tenant: ['tenant'],
        roles: ['roles'],
        variables: { team: ['x', 'y'], region: ['region'] },
      },
      binding: 'required',
      dpop: { publicBaseUrl: 'https://api.example.com', nonce: true },
      jwksUris: ['https://a.example/k', 'https://b.example/k'],
      jwksHosts: ['keys.example', 'k.example:8443'],
      jwksTokenFile: 't',
      keysFile: 'k',
      caFile: 'c',
      proxy: 'http://proxy.example:3128',
      maxStaleMs: 7_200_000,
    })
  })

  it.each([...RESERVED_VARIABLES])('may not map a claim to the variable %s, which is the agent’s own', (variable) => {
    expect(problemsOf(oidc(`claims: { variables: { ${variable}: a } }`))).toMatchObject([{ code: 'CONFIG_CONFLICT' }])
  })

  it.each([
    ['claims: { variables: { Team: a } }', 'a small letter'],
    ['claims: { variables: { a: [] } }', ''],
    [`claims: { variables: { ${Array.from({ length: 33 }, (_, i) => `v${i}: a`).join(', ')} } }`, 'at most 32'],
    ['algorithms: [HS256]', ''],
    ['algorithms: [none]', ''],
    ['requiredClaims: [{ values: [a] }]', 'claim'],
    ['requiredClaims: [{ claim: a, values: [] }]', ''],
    ['requiredClaims: [{ claim: a, pattern: b }]', 'unknown key "pattern"'],
    ['binding: yes', ''],
    ['dpop: { nonce: true }', '"publicBaseUrl" is missing'],
    ['dpop: { publicBaseUrl: "https://a.example/?q" }', 'without user, query and fragment'],
    ['proxy: "http://proxy.example:3128/path"', 'without a path'],
    ['proxy: "socks5://proxy.example"', 'http or https'],
    ['proxy: environment', 'or "env"'],
    ['resourceMetadata: "https://user:secret@a.example/"', 'without user, query and fragment'],
    ['jwksHosts: ["https://a.example"]', 'expected a host'],
    ['jwksUris: ["http://a.example/k"]', 'https, or http on loopback'],
    ['jwksUri: "https://a.example/k", jwksUris: ["https://b.example/k"]', 'exclude each other'],
    ['maxStale: 2d', 'outside'],
    ['preset: oktta', 'expected one of the presets oidc, okta, entra'],
    ['repositories: [a/b]', 'unknown key "repositories"'],
  ])('are refused: %s', (settings, message) => {
    const problems = problemsOf(oidc(settings))
    expect(problems).not.toEqual([])
    expect(problems.map((p) => p.message).join()).toContain(message)
  })
})

const TENANT = 'aaaaaaaa-86f1-41af-91ab-2d7cd011db47'
const CLUSTER = 'https://oidc.eks.eu-west-1.amazonaws.com/id/D48675832CA65BD10A532F5970A1B2C3'

describe('a preset refuses what would let in too many', () => {
  it.each([
    ['{ issuer: ["https://a.example", "https://a.example"], audience: a }', 'stands twice'],
    [
      '{ issuer: ["https://a.example", "https://b.example"], jwksUri: "https://a.example/k", audience: a }',
      'several key sets',
    ],
    ['{ issuer: [], audience: a }', ''],
    ['{ issuer: "http://a.example", audience: a }', 'https, or http on loopback'],
    ['{ preset: okta, issuer: "https://acme.okta.com", audience: a }', 'use a custom authorization server'],
    ['{ preset: okta, issuer: "https://acme.okta.com/oauth2/", audience: a }', 'use a custom authorization server'],
    ['{ preset: okta, issuer: "https://acme.okta.com/oauth2/default" }', 'audience'],
    ['{ preset: entra, tenants: common, audience: a }', 'every tenant in the world'],
    ['{ preset: entra, tenants: organizations, audience: a }', 'every tenant in the world'],
    ['{ preset: entra, tenants: [], audience: a }', ''],
    ['{ preset: entra, audience: a }', 'tenants'],
    [
      `{ preset: entra, tenants: ${TENANT}, issuer: "https://login.microsoftonline.us/common/v2.0", audience: a }`,
      '{tenantid}',
    ],
    [
      `{ preset: entra, tenants: ${TENANT}, issuer: "https://a.example/{tenantid}", versions: [v1, v2], audience: a }`,
      'a provider of each',
    ],
    [
      `{ preset: entra, tenants: ${TENANT}, versions: [v1, v2], jwksUri: "https://a.example/k", audience: a }`,
      'several key sets',
    ],
    ['{ preset: auth0, issuer: "https://acme.eu.auth0.com/api/v2/", audience: a }', 'without a path'],
    ['{ preset: google, audience: a }', 'every Google account in the world'],
    ['{ preset: keycloak, issuer: "https://id.example.com/", audience: a }', '/realms/<name>'],
    ['{ preset: keycloak, issuer: "https://id.example.com/realms/a/", audience: a }', 'without a slash'],
    ['{ preset: keycloak, issuer: "https://id.example.com/realms/a", audience: account }', 'audience mapper'],
    ['{ preset: github-actions, audience: a }', 'every repository of GitHub'],
    ['{ preset: github-actions, audience: a, refs: refs/heads/main }', 'every repository of GitHub'],
    ['{ preset: github-actions, audience: a, repositories: "*" }', 'expected owner/name'],
    ['{ preset: github-actions, audience: a, repositories: "acme*/shop" }', 'expected owner/name'],
    [
      '{ issuer: "https://a.example", audience: a, requiredClaims: [{ claim: org, values: 1234567890123456789 }] }',
      'is rounded',
    ],
    [
      '{ issuer: "https://a.example", audience: a, requiredClaims: [{ claim: org, values: [7, -1e300] }] }',
      'is rounded',
    ],
    ['{ preset: github-actions, audience: a, subjects: "repo:acme*" }', 'anyone may register'],
    ['{ preset: github-actions, audience: a, subjects: "*:environment:production" }', 'anyone may register'],
    ['{ preset: github-actions, audience: a, subjects: "repo*:environment:production" }', 'anyone may register'],
    ['{ preset: github-actions, audience: a, subjects: "r*" }', 'anyone may register'],
    ['{ preset: aws-sts, audience: a, accounts: {} }', 'names no account'],
    ['{ preset: aws-sts, audience: a, accounts: { 012345678901: "https://a.example" } }', 'in quotes'],
    ['{ preset: aws-sts, audience: a, accounts: { "123456789012": "http://a.example" } }', 'https'],
    [
      '{ preset: aws-sts, audience: a, accounts: { "123456789012": "https://a.example", "123456789013": "https://a.example" } }',
      'the same issuer',
    ],
    ['{ preset: eks, issuer: "https://example.com/id/A", audience: a }', 'expected the issuer of a cluster'],
    [`{ preset: eks, issuer: "${CLUSTER}", audience: "https://kubernetes.default.svc" }`, 'the API server’s'],
    [`{ preset: eks, issuer: "${CLUSTER}", audience: a, serviceAccounts: checkout }`, 'namespace:name'],
    ['{ preset: cognito, userPool: AbCdEfGhI, clients: a }', 'eu-west-1_AbCdEfGhI'],
    ['{ preset: cognito, userPool: eu-west-1_AbCdEfGhI, clients: a, audience: a }', 'unknown key "audience"'],
  ])('%s', (yaml, message) => {
    const problems = problemsOf(yaml)
    expect(problems).not.toEqual([])
    expect(problems.map((p) => p.message).join()).toContain(message)
  })
})
