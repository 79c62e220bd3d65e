import { dates, type PresetCase } from './case.ts'
import { NOW } from './support.ts'

const AWS = 'https://sts.amazonaws.com/'
const aws = {
  aws_account: '123456789012',
  source_region: 'eu-west-1',
  org_id: 'o-abc1234567',
  ou_path: ['o-abc1234567/r-ab12/ou-ab12-11111111/'],
  principal_tags: { team: 'orders' },
  original_session_exp: '2027-01-15T08:00:00Z',
}

/** Of platforms that give their own jobs and machines tokens. */
export const workloadTokens: readonly PresetCase[] = [
  {
    preset: 'github-actions',
    yaml: '{ preset: github-actions, audience: orders-api, repositories: ["acme/*"], ownerIds: "65", subjects: "repo:acme/*:environment:*", refs: refs/heads/main, environments: production, workflows: "acme/*/.github/workflows/*.yml@refs/heads/main" }',
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
      { what: 'of another subject', change: { sub: 'repo:acme/shop:ref:refs/heads/main' }, reason: 'claim_invalid' },
      {
        what: 'of a subject of another owner',
        change: { sub: 'repo:acme-evil/shop:environment:production' },
        reason: 'claim_invalid',
      },
      { what: 'of a new owner under the old name', change: { repository_owner_id: '66' }, reason: 'claim_invalid' },
      { what: 'of an owner without id', change: { repository_owner_id: undefined }, reason: 'claim_missing' },
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
]
