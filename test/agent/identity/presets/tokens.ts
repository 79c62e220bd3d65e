import type { Identity } from '../../../../agent/identity/identity.ts'
import { NOW } from './support.ts'

const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47'
const OTHER_TENANT = 'cc7d0b9e-5a0f-4c39-9d2c-6f4a3c0e8a11'
const CLIENT = '6731de76-14a6-49ae-97bc-6eba6914391e'
const dates = { iat: NOW - 10, nbf: NOW - 10, exp: NOW + 300 }

/** A changed token and what becomes of it. */
export interface Trap {
  readonly what: string
  readonly change: object
  readonly typ?: string | undefined
  readonly reason: string
}

/** A preset as agent.yaml has it, and a token as its provider makes it. */
export interface PresetCase {
  readonly preset: string
  readonly yaml: string
  readonly typ: string | undefined
  readonly claims: Record<string, unknown>
  readonly identity: Partial<Identity>
  readonly traps: readonly Trap[]
}

const AWS = 'https://sts.amazonaws.com/'
const aws = {
  aws_account: '123456789012',
  source_region: 'eu-west-1',
  org_id: 'o-abc1234567',
  ou_path: ['o-abc1234567/r-ab12/ou-ab12-11111111/'],
  principal_tags: { team: 'orders' },
  original_session_exp: '2027-01-15T08:00:00Z',
}

export const cases: readonly PresetCase[] = [
  {
    preset: 'okta',
    yaml: '{ preset: okta, issuer: "https://acme.okta.com/oauth2/aus1abc", audience: "api://orders", clients: [0oa1shop] }',
    typ: undefined,
    claims: {
      ver: 1,
      jti: 'AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE',
      iss: 'https://acme.okta.com/oauth2/aus1abc',
      aud: 'api://orders',
      sub: 'alice@acme.example',
      cid: '0oa1shop',
      uid: '00uujxnbh3uJw4tWA0h7',
      scp: ['orders:read', 'orders:write'],
      groups: ['Everyone', 'buyers'],
      auth_time: NOW - 60,
      iat: NOW - 10,
      exp: NOW + 300,
    },
    identity: {
      subject: 'alice@acme.example',
      roles: ['Everyone', 'buyers'],
      scopes: ['orders:read', 'orders:write'],
      tenant: '',
    },
    traps: [
      { what: 'of the org server', change: { iss: 'https://acme.okta.com' }, reason: 'unknown_issuer' },
      {
        what: 'of the org server by its typ',
        change: {},
        typ: 'application/okta-internal-at+jwt',
        reason: 'typ_mismatch',
      },
      {
        what: 'of another authorization server',
        change: { iss: 'https://acme.okta.com/oauth2/default' },
        reason: 'unknown_issuer',
      },
      { what: 'an ID token', change: { cid: undefined }, reason: 'claim_missing' },
      { what: 'an ID token with its nonce', change: { cid: undefined, nonce: 'n' }, reason: 'typ_mismatch' },
      { what: 'of another client', change: { cid: '0oa1other' }, reason: 'claim_invalid' },
    ],
  },
  {
    preset: 'entra',
    yaml: `{ preset: entra, tenants: [${TENANT}, ${OTHER_TENANT}], audience: "${CLIENT}" }`,
    typ: 'JWT',
    claims: {
      aud: CLIENT,
      iss: `https://login.microsoftonline.com/${TENANT}/v2.0`,
      ...dates,
      aio: 'AXQAi/8TAAAA',
      azp: '1fec8e78-bce4-4aaf-ab1b-5451cc387264',
      azpacr: '0',
      name: 'Alice',
      oid: '690222be-ff1a-4d56-abd1-7e4f7d38e474',
      preferred_username: 'alice@acme.example',
      rh: 'I',
      scp: 'orders.read orders.write',
      roles: ['Orders.Admin'],
      sub: 'HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ',
      tid: TENANT,
      uti: 'fqiBqXLPj0eQa82S-IYFAA',
      ver: '2.0',
    },
    identity: {
      subject: 'HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ',
      tenant: TENANT,
      roles: ['Orders.Admin'],
      scopes: ['orders.read', 'orders.write'],
    },
    traps: [
      {
        what: 'of a tenant that is not listed',
        change: {
          iss: 'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0',
          tid: '9188040d-6c67-4c5b-b112-36a304b66dad',
        },
        reason: 'unknown_issuer',
      },
      { what: 'whose tid is another listed tenant', change: { tid: OTHER_TENANT }, reason: 'claim_invalid' },
      { what: 'without tid', change: { tid: undefined }, reason: 'claim_missing' },
      {
        what: 'with the issuer template itself',
        change: { iss: 'https://login.microsoftonline.com/{tenantid}/v2.0' },
        reason: 'unknown_issuer',
      },
      { what: 'of version 1', change: { iss: `https://sts.windows.net/${TENANT}/` }, reason: 'unknown_issuer' },
      { what: 'an ID token, which names no client', change: { azp: undefined }, reason: 'claim_missing' },
      { what: 'of another typ', change: {}, typ: 'at+jwt', reason: 'typ_mismatch' },
      { what: 'without typ', change: {}, typ: undefined, reason: 'typ_mismatch' },
    ],
  },
  {
    preset: 'auth0',
    yaml: '{ preset: auth0, issuer: "https://acme.eu.auth0.com", audience: "https://orders.acme.example", organizations: org_abc }',
    typ: 'JWT',
    claims: {
      iss: 'https://acme.eu.auth0.com/',
      sub: 'auth0|5f7c8ec7c33c6c004bbafe82',
      aud: ['https://orders.acme.example', 'https://acme.eu.auth0.com/userinfo'],
      iat: NOW - 10,
      exp: NOW + 300,
      azp: 'my_client_id',
      org_id: 'org_abc',
      scope: 'openid profile orders:read',
      permissions: ['orders:read', 'orders:write'],
    },
    identity: {
      issuer: 'https://acme.eu.auth0.com/',
      subject: 'auth0|5f7c8ec7c33c6c004bbafe82',
      tenant: 'org_abc',
      roles: ['orders:read', 'orders:write'],
      scopes: ['openid', 'profile', 'orders:read'],
    },
    traps: [
      { what: 'whose issuer lacks the slash', change: { iss: 'https://acme.eu.auth0.com' }, reason: 'unknown_issuer' },
      {
        what: 'for the userinfo endpoint alone',
        change: { aud: 'https://acme.eu.auth0.com/userinfo' },
        reason: 'audience_mismatch',
      },
      { what: 'of another organization', change: { org_id: 'org_abd' }, reason: 'claim_invalid' },
      { what: 'of no organization', change: { org_id: undefined }, reason: 'claim_missing' },
      { what: 'an ID token', change: { nonce: 'n' }, reason: 'typ_mismatch' },
    ],
  },
  {
    preset: 'google',
    yaml: '{ preset: google, audience: 1234.apps.googleusercontent.com, hostedDomains: acme.example, emails: "*@acme.example" }',
    typ: 'JWT',
    claims: {
      iss: 'https://accounts.google.com',
      azp: '1234.apps.googleusercontent.com',
      aud: '1234.apps.googleusercontent.com',
      sub: '110169484474386276334',
      hd: 'acme.example',
      email: 'alice@acme.example',
      email_verified: true,
      at_hash: 'HK6E_P6Dh8Y93mRNtsDB1Q',
      nonce: '0394852-3190485-2490358',
      iat: NOW - 10,
      exp: NOW + 300,
    },
    identity: { subject: '110169484474386276334', tenant: 'acme.example', roles: [], scopes: [] },
    traps: [
      { what: 'of a private account', change: { hd: undefined, email: 'mallory@gmail.com' }, reason: 'claim_missing' },
      { what: 'of a private account with an address of ours', change: { hd: undefined }, reason: 'claim_missing' },
      { what: 'of another Workspace', change: { hd: 'acme.example.evil.example' }, reason: 'claim_invalid' },
      { what: 'of an address that nobody verified', change: { email_verified: false }, reason: 'claim_invalid' },
      { what: 'of an address verified in words', change: { email_verified: 'true' }, reason: 'claim_invalid' },
      { what: 'of another client', change: { aud: '9.apps.googleusercontent.com' }, reason: 'audience_mismatch' },
      { what: 'of the issuer without https', change: { iss: 'accounts.google.com' }, reason: 'unknown_issuer' },
    ],
  },
  {
    preset: 'keycloak',
    yaml: '{ preset: keycloak, issuer: "https://id.acme.example/realms/acme", audience: orders-api }',
    typ: 'JWT',
    claims: {
      exp: NOW + 300,
      iat: NOW - 10,
      jti: 'onrtac:1b0e1a39-05d4-4e4e-8ac2-0c0c6a3b8f5e',
      iss: 'https://id.acme.example/realms/acme',
      aud: ['orders-api', 'account'],
      sub: 'b6b1e4c3-5f2a-4c59-8e9d-5e1fd5f2c0b4',
      typ: 'Bearer',
      azp: 'shop',
      sid: '8f6e0a7e-0f5e-4a0e-9a6a-6d1f2f0f7f10',
      acr: '1',
      nonce: 'older versions copy it into access tokens',
      realm_access: { roles: ['offline_access', 'buyer'] },
      resource_access: { 'orders-api': { roles: ['admin'] } },
      scope: 'openid profile orders:read',
      preferred_username: 'alice',
    },
    identity: {
      subject: 'b6b1e4c3-5f2a-4c59-8e9d-5e1fd5f2c0b4',
      session: '8f6e0a7e-0f5e-4a0e-9a6a-6d1f2f0f7f10',
      roles: ['offline_access', 'buyer'],
      scopes: ['openid', 'profile', 'orders:read'],
      tenant: '',
    },
    traps: [
      { what: 'an ID token', change: { typ: 'ID' }, reason: 'claim_invalid' },
      { what: 'a logout token', change: { typ: 'Logout' }, reason: 'claim_invalid' },
      { what: 'without the claim typ', change: { typ: undefined }, reason: 'claim_missing' },
      { what: 'of a client without the audience mapper', change: { aud: 'account' }, reason: 'audience_mismatch' },
      { what: 'of another realm', change: { iss: 'https://id.acme.example/realms/master' }, reason: 'unknown_issuer' },
    ],
  },
  {
    preset: 'github-actions',
    yaml: '{ preset: github-actions, audience: orders-api, repositories: ["acme/*"], refs: refs/heads/main, environments: production, workflows: "acme/*/.github/workflows/*.yml@refs/heads/main" }',
    typ: 'JWT',
    claims: {
      jti: 'd1f0a1c4-7b0c-4b66-8d4c-d1f0a1c47b0c',
      sub: 'repo:acme/shop:environment:production',
      aud: 'orders-api',
      ref: 'refs/heads/main',
      sha: '8f1c0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c',
      repository: 'acme/shop',
      repository_owner: 'acme',
      repository_owner_id: '65',
      repository_id: '74',
      repository_visibility: 'private',
      environment: 'production',
      job_workflow_ref: 'acme/ci/.github/workflows/deploy.yml@refs/heads/main',
      event_name: 'push',
      run_id: '1',
      runner_environment: 'github-hosted',
      iss: 'https://token.actions.githubusercontent.com',
      ...dates,
    },
    identity: { subject: 'repo:acme/shop:environment:production', tenant: 'acme', roles: [], scopes: [] },
    traps: [
      {
        what: 'of an owner whose name begins alike',
        change: { repository: 'acme-evil/shop' },
        reason: 'claim_invalid',
      },
      { what: 'of a name that ends alike', change: { repository: 'evil/acme/shop' }, reason: 'claim_invalid' },
      { what: 'of another branch', change: { ref: 'refs/heads/main-2' }, reason: 'claim_invalid' },
      {
        what: 'of a pull request',
        change: { ref: 'refs/pull/1/merge', sub: 'repo:acme/shop:pull_request' },
        reason: 'claim_invalid',
      },
      { what: 'of no environment', change: { environment: undefined }, reason: 'claim_missing' },
      {
        what: 'of another workflow',
        change: { job_workflow_ref: 'evil/ci/.github/workflows/deploy.yml@refs/heads/main' },
        reason: 'claim_invalid',
      },
      {
        what: 'for the owner, which is the default audience',
        change: { aud: 'https://github.com/acme' },
        reason: 'audience_mismatch',
      },
    ],
  },
  {
    preset: 'aws-sts',
    yaml: `{ preset: aws-sts, audience: orders-api, organizations: o-abc1234567, subjects: ["arn:aws:iam::*:role/orders-*"], accounts: { "123456789012": "https://abc123.tokens.sts.global.api.aws", "210987654321": "https://def456.tokens.sts.global.api.aws" } }`,
    typ: 'JWT',
    claims: {
      iss: 'https://abc123.tokens.sts.global.api.aws',
      aud: 'orders-api',
      sub: 'arn:aws:iam::123456789012:role/orders-worker',
      iat: NOW - 10,
      exp: NOW + 290,
      jti: 'xyz123',
      [AWS]: aws,
    },
    identity: { subject: 'arn:aws:iam::123456789012:role/orders-worker', tenant: '123456789012', roles: [] },
    traps: [
      {
        what: 'whose account is not the issuer’s',
        change: { [AWS]: { ...aws, aws_account: '210987654321' } },
        reason: 'claim_invalid',
      },
      {
        what: 'whose subject is of another account',
        change: { sub: 'arn:aws:iam::210987654321:role/orders-worker' },
        reason: 'claim_invalid',
      },
      {
        what: 'whose subject hides the account in its path',
        change: { sub: 'arn:aws:iam::210987654321:role/orders-iam::123456789012:role/orders-worker' },
        reason: 'claim_invalid',
      },
      {
        what: 'of the other account’s issuer',
        change: { iss: 'https://def456.tokens.sts.global.api.aws' },
        reason: 'claim_invalid',
      },
      {
        what: 'of an account that is not listed',
        change: { iss: 'https://999.tokens.sts.global.api.aws' },
        reason: 'unknown_issuer',
      },
      { what: 'without what AWS says', change: { [AWS]: undefined }, reason: 'claim_missing' },
      {
        what: 'whose account is a number',
        change: { [AWS]: { ...aws, aws_account: 123456789012 } },
        reason: 'claim_invalid',
      },
      { what: 'of another organization', change: { [AWS]: { ...aws, org_id: 'o-evil' } }, reason: 'claim_invalid' },
      { what: 'of another role', change: { sub: 'arn:aws:iam::123456789012:role/billing' }, reason: 'claim_invalid' },
      { what: 'that lives longer than STS allows', change: { exp: NOW + 7200 }, reason: 'lifetime_too_long' },
    ],
  },
  {
    preset: 'eks',
    yaml: '{ preset: eks, issuer: "https://oidc.eks.eu-west-1.amazonaws.com/id/D48675832CA65BD10A532F5970A1B2C3", audience: orders-api, serviceAccounts: ["shop:*"] }',
    typ: undefined,
    claims: {
      aud: ['orders-api'],
      exp: NOW + 3000,
      iat: NOW - 10,
      nbf: NOW - 10,
      iss: 'https://oidc.eks.eu-west-1.amazonaws.com/id/D48675832CA65BD10A532F5970A1B2C3',
      jti: '5f5a3a52-8a1f-4e4f-9a41-0c9f4b7b7d10',
      'kubernetes.io': {
        namespace: 'shop',
        pod: { name: 'checkout-5d9c7', uid: 'b01a0de9-48b6-4a4d-8f27-e8e8d2f9b0d3' },
        serviceaccount: { name: 'checkout', uid: '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798' },
        warnafter: NOW + 2000,
      },
      sub: 'system:serviceaccount:shop:checkout',
    },
    identity: { subject: 'system:serviceaccount:shop:checkout', tenant: 'shop', roles: [] },
    traps: [
      {
        what: 'of another namespace',
        change: { sub: 'system:serviceaccount:shop-evil:checkout' },
        reason: 'claim_invalid',
      },
      { what: 'for the API server', change: { aud: ['https://kubernetes.default.svc'] }, reason: 'audience_mismatch' },
      {
        what: 'of a legacy secret, which never expires',
        change: { exp: undefined, aud: undefined },
        reason: 'claim_missing',
      },
      { what: 'of a person', change: { sub: 'alice' }, reason: 'claim_invalid' },
    ],
  },
  {
    preset: 'kubernetes',
    yaml: '{ preset: kubernetes, issuer: "https://kubernetes.default.svc.cluster.local", audience: orders-api, jwksTokenFile: token, caFile: ca.crt }',
    typ: undefined,
    claims: {
      aud: ['orders-api'],
      exp: NOW + 3000,
      iat: NOW - 10,
      nbf: NOW - 10,
      iss: 'https://kubernetes.default.svc.cluster.local',
      'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'checkout', uid: '14ee3fa4' } },
      sub: 'system:serviceaccount:shop:checkout',
    },
    identity: { subject: 'system:serviceaccount:shop:checkout', tenant: 'shop' },
    traps: [{ what: 'of a node', change: { sub: 'system:node:a' }, reason: 'claim_invalid' }],
  },
  {
    preset: 'cognito',
    yaml: '{ preset: cognito, userPool: eu-west-1_AbCdEfGhI, clients: 1example23456789 }',
    typ: undefined,
    claims: {
      sub: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      'cognito:groups': ['buyers'],
      iss: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI',
      client_id: '1example23456789',
      origin_jti: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      event_id: '64f513be-32db-42b0-b78e-b02127b4f463',
      token_use: 'access',
      scope: 'orders/read',
      auth_time: NOW - 60,
      exp: NOW + 3000,
      iat: NOW - 10,
      jti: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      username: 'alice',
    },
    identity: {
      subject: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      roles: ['buyers'],
      scopes: ['orders/read'],
      tenant: '',
    },
    traps: [
      {
        what: 'an ID token',
        change: { token_use: 'id', client_id: undefined, aud: '1example23456789' },
        reason: 'claim_missing',
      },
      { what: 'an ID token with a client', change: { token_use: 'id' }, reason: 'typ_mismatch' },
      { what: 'of no use', change: { token_use: undefined }, reason: 'claim_missing' },
      { what: 'of another client of the pool', change: { client_id: '1example23456780' }, reason: 'audience_mismatch' },
      {
        what: 'of another pool',
        change: { iss: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other' },
        reason: 'unknown_issuer',
      },
    ],
  },
]
