import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type JwksServer, startJwksServer } from '../agent/identity/support/jwks-server.ts'
import { signToken, testKey, type TestKey } from '../agent/identity/support/tokens.ts'
import { type ClockedEdge, startClockedEdge } from '../support/clocked-edge.ts'

// The rest of section W of the attack list: tokens of sts:GetWebIdentityToken. AWS gives the keys of every account the
// same names, and one of them says no algorithm.
const AWS = 'https://sts.amazonaws.com/'
const [A, B] = ['111122223333', '999999999999']

interface Account {
  readonly id: string
  readonly server: JwksServer
  readonly rsa: TestKey
  readonly ec: TestKey
}

async function startAccount(id: string): Promise<Account> {
  const [rsa, ec] = [testKey('RS256', 'RSA_0'), testKey('ES384', 'EC384_0')]
  const { alg: _alg, ...withoutAlg } = rsa.jwk
  const server = await startJwksServer()
  server.publish([withoutAlg, ec.jwk])
  return { id, server, rsa, ec }
}

describe('tokens of AWS accounts, through HAProxy 3.0', () => {
  let edge: ClockedEdge
  let ours: Account
  let theirs: Account

  beforeAll(async () => {
    ours = await startAccount(A)
    theirs = await startAccount(B)
    edge = await startClockedEdge('3.0')
    await edge.use(`identity:
  providers:
    jobs: { preset: aws-sts, audience: orders-api, accounts: { "${A}": "${ours.server.issuer}", "${B}": "${theirs.server.issuer}" } }
rules:
  - { name: jobs, match: { path: /jobs }, identity: { require: jobs } }
`)
  })
  afterAll(async () => {
    await edge?.stop()
    await ours?.server[Symbol.asyncDispose]()
    await theirs?.server[Symbol.asyncDispose]()
  })

  /** As AWS makes them for a role of an account, with changes. */
  const token = (key: TestKey, { id, server }: Account, changes: object = {}): string =>
    signToken(key, {
      iss: server.issuer,
      aud: 'orders-api',
      sub: `arn:aws:iam::${id}:role/orders`,
      iat: edge.clock.seconds,
      exp: edge.clock.seconds + 300,
      [AWS]: { aws_account: id },
      ...changes,
    })

  it.each<[string, () => string, ...([] | [reason: string])]>([
    ['W24: of a key without an algorithm, which its type and the preset tell', () => token(ours.rsa, ours)],
    ['W22: of the other account, of its own key', () => token(theirs.rsa, theirs)],
    ['W22: of one account, of the key of that name of the other', () => token(theirs.rsa, ours), 'signature_invalid'],
    ['W22: the other way round', () => token(ours.rsa, theirs), 'signature_invalid'],
    ['W22: likewise with the other key', () => token(theirs.ec, ours), 'signature_invalid'],
    ['W23: that names another account', () => token(ours.rsa, ours, { [AWS]: { aws_account: B } }), 'claim_invalid'],
    [
      'W23: whose subject is of another account',
      () => token(ours.rsa, ours, { sub: `arn:aws:iam::${B}:role/orders` }),
      'claim_invalid',
    ],
    [
      'W23: whose subject is of a role that is called like one of ours',
      () => token(ours.rsa, ours, { sub: `arn:aws:iam::${B}:role/arn:aws:iam::${A}:role/orders` }),
      'claim_invalid',
    ],
    ['W24: of another algorithm than the preset allows', () => token(pss(ours.rsa), ours), 'alg_not_allowed'],
  ])('a token %s', async (_what, make, reason = 'ok') => {
    const credential = make()
    for (let i = 0; i < 2; i++) {
      expect(await edge.outcome('/jobs', credential)).toEqual([reason === 'ok' ? 200 : 401, reason])
    }
  })

  it('W22: nobody but the issuers is asked, and each for its own keys', () => {
    for (const { server } of [ours, theirs]) {
      expect(server.requests).toEqual(['/.well-known/openid-configuration', '/jwks'])
    }
  })
})

/** The same key, put to another use. */
function pss(key: TestKey): TestKey {
  return { ...key, alg: 'PS256' }
}
