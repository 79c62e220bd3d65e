import { describe, expect, it } from 'vitest'
import { assertProviders } from '../../../../agent/identity/config.ts'
import { signInTokens } from './sign-in-tokens.ts'
import { configsOf, judge, NOW } from './support.ts'
import { workloadTokens } from './workload-tokens.ts'

describe.each([...signInTokens, ...workloadTokens])('preset $preset', ({ yaml, typ, claims, identity, traps }) => {
  const configs = configsOf(yaml)

  it('makes providers that may be trusted', () => {
    expect(() => assertProviders(configs)).not.toThrow()
  })

  it('accepts a token as its provider makes it', () => {
    expect(judge(configs, typ, claims)).toMatchObject(identity)
  })

  it.each(traps)('refuses a token $what', (trap) => {
    expect(judge(configs, 'typ' in trap ? trap.typ : typ, { ...claims, ...trap.change })).toBe(trap.reason)
  })
})

it('several issuers stand under one name, each with its own tenant or account', () => {
  const entra = configsOf(
    '{ preset: entra, tenants: [aaaaaaaa-86f1-41af-91ab-2d7cd011db47, bbbbbbbb-86f1-41af-91ab-2d7cd011db47], versions: [v1, v2], audience: a }',
  )
  expect(
    entra.map(({ name, issuer, jwksUri, tenants, requiredClaims }) => [
      name,
      issuer,
      jwksUri,
      tenants,
      requiredClaims?.[0]?.path,
    ]),
  ).toEqual([
    [
      'p',
      'https://sts.windows.net/aaaaaaaa-86f1-41af-91ab-2d7cd011db47/',
      'https://login.microsoftonline.com/aaaaaaaa-86f1-41af-91ab-2d7cd011db47/discovery/keys',
      ['aaaaaaaa-86f1-41af-91ab-2d7cd011db47'],
      ['appid'],
    ],
    [
      'p',
      'https://sts.windows.net/bbbbbbbb-86f1-41af-91ab-2d7cd011db47/',
      'https://login.microsoftonline.com/bbbbbbbb-86f1-41af-91ab-2d7cd011db47/discovery/keys',
      ['bbbbbbbb-86f1-41af-91ab-2d7cd011db47'],
      ['appid'],
    ],
    [
      'p',
      'https://login.microsoftonline.com/aaaaaaaa-86f1-41af-91ab-2d7cd011db47/v2.0',
      'https://login.microsoftonline.com/aaaaaaaa-86f1-41af-91ab-2d7cd011db47/discovery/v2.0/keys',
      ['aaaaaaaa-86f1-41af-91ab-2d7cd011db47'],
      ['azp'],
    ],
    [
      'p',
      'https://login.microsoftonline.com/bbbbbbbb-86f1-41af-91ab-2d7cd011db47/v2.0',
      'https://login.microsoftonline.com/bbbbbbbb-86f1-41af-91ab-2d7cd011db47/discovery/v2.0/keys',
      ['bbbbbbbb-86f1-41af-91ab-2d7cd011db47'],
      ['azp'],
    ],
  ])
  expect(
    configsOf('{ issuer: ["https://a.example", "https://b.example"], audience: a }').map(({ name, issuer }) => [
      name,
      issuer,
    ]),
  ).toEqual([
    ['p', 'https://a.example'],
    ['p', 'https://b.example'],
  ])
})

it('issuers of one provider never share a file of keys', () => {
  const files = configsOf(
    '{ issuer: ["https://a.example", "https://b.example"], audience: a, keysFile: keys.json }',
  ).map(({ keysFile }) => keysFile)
  expect(new Set(files).size).toBe(2)
  expect(configsOf('{ issuer: "https://a.example", audience: a, keysFile: keys.json }')[0]?.keysFile).toBe('keys.json')
})

it('a cloud of its own has its own issuer template', () => {
  const [config] = configsOf(
    '{ preset: entra, tenants: aaaaaaaa-86f1-41af-91ab-2d7cd011db47, issuer: "https://login.microsoftonline.us/{tenantid}/v2.0", audience: a }',
  )
  expect(config).toMatchObject({ issuer: 'https://login.microsoftonline.us/aaaaaaaa-86f1-41af-91ab-2d7cd011db47/v2.0' })
  expect(config?.jwksUri).toBeUndefined()
})

describe('what agent.yaml says wins over the preset', () => {
  it('for every setting', () => {
    const [config] = configsOf(
      '{ preset: keycloak, issuer: "https://a.example/realms/a", audience: a, algorithms: [ES256], typ: x, allowIdToken: false, maxLifetime: 5m, claims: { tenant: t, roles: [a, b] }, jwksUri: "https://k.example/keys" }',
    )
    expect(config).toMatchObject({
      algorithms: ['ES256'],
      typ: ['x'],
      allowIdToken: false,
      maxLifetimeS: 300,
      claims: { subject: ['sub'], tenant: ['t'], roles: ['a', 'b'] },
      jwksUri: 'https://k.example/keys',
    })
  })

  it('even for several places of keys', () => {
    const [config] = configsOf(
      '{ preset: google, audience: a, emails: "*", jwksUris: ["https://a.example/k", "https://b.example/k"] }',
    )
    expect(config?.jwksUri).toBeUndefined()
    expect(config?.jwksUris).toEqual(['https://a.example/k', 'https://b.example/k'])
  })

  it('but what a preset requires stays required', () => {
    const configs = configsOf(
      '{ preset: aws-sts, audience: a, accounts: { "123456789012": "https://a.example" }, requiredClaims: [{ claim: sub, patterns: "*" }] }',
    )
    const claims = {
      iss: 'https://a.example',
      aud: 'a',
      sub: 'arn:aws:iam::999999999999:role/x',
      iat: NOW,
      exp: NOW + 60,
      'https://sts.amazonaws.com/': { aws_account: '123456789012' },
    }
    expect(judge(configs, 'JWT', claims)).toBe('claim_invalid')
    expect(judge(configs, 'JWT', { ...claims, sub: 'arn:aws:iam::123456789012:role/x' })).toMatchObject({
      tenant: '123456789012',
    })
  })
})

it('an ID token of Cognito is accepted where agent.yaml asks for it', () => {
  const configs = configsOf('{ preset: cognito, userPool: eu-west-1_AbCdEfGhI, clients: c1, tokenUse: id }')
  const claims = {
    iss: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI',
    aud: 'c1',
    sub: 's',
    at_hash: 'h',
    token_use: 'id',
    iat: NOW,
    exp: NOW + 60,
  }
  expect(judge(configs, undefined, claims)).toMatchObject({ subject: 's' })
  expect(judge(configs, undefined, { ...claims, token_use: 'access' })).toBe('claim_invalid')
})

it('the roles of Keycloak may be those of a client', () => {
  const configs = configsOf(
    '{ preset: keycloak, issuer: "https://a.example/realms/a", audience: a, rolesOf: orders-api }',
  )
  const claims = {
    iss: 'https://a.example/realms/a',
    aud: 'a',
    sub: 's',
    typ: 'Bearer',
    exp: NOW + 60,
    resource_access: { 'orders-api': { roles: ['admin'] } },
  }
  expect(judge(configs, 'JWT', claims)).toMatchObject({ roles: ['admin'] })
})

it('keys of Kubernetes lie below the issuer, for discovery would name an address', () => {
  expect(configsOf('{ preset: kubernetes, issuer: "https://a.example/", audience: a }')[0]?.jwksUri).toBe(
    'https://a.example/openid/v1/jwks',
  )
})
