import { expect, it } from 'vitest'
import { createAuthenticator, type Authenticator } from '../../../../agent/identity/authenticator.ts'
import type { ProviderConfig } from '../../../../agent/identity/config.ts'
import { ask } from '../support/evidence.ts'
import { startJwksServer, type JwksServer } from '../support/jwks-server.ts'
import { memoryLog, until } from '../support/provider.ts'
import { outcome } from '../support/setup.ts'
import { signToken, testKey, type TestKey } from '../support/tokens.ts'
import { configsOf, NOW } from './support.ts'

const AWS = 'https://sts.amazonaws.com/'
const [A, B] = ['123456789012', '210987654321']

/** An authenticator that has fetched the keys of all its issuers. */
async function ready(configs: readonly ProviderConfig[]): Promise<Authenticator & Disposable> {
  const auth = createAuthenticator(configs, { log: memoryLog(), now: () => NOW * 1000 })
  auth.start()
  await until(() => auth.ready())
  return Object.assign(auth, { [Symbol.dispose]: () => auth.close() })
}

/** Keys as STS publishes them: every account uses the same names, and the RSA key says no algorithm. */
function stsKeys(): { rsa: TestKey; ec: TestKey; published: object[] } {
  const [rsa, ec] = [testKey('RS256', 'RSA_0'), testKey('ES384', 'EC384_0')]
  const { alg: _alg, ...withoutAlg } = rsa.jwk
  return { rsa, ec, published: [withoutAlg, ec.jwk] }
}

function token(key: TestKey, issuer: JwksServer, account: string): string {
  return signToken(key, {
    iss: issuer.issuer,
    aud: 'orders-api',
    sub: `arn:aws:iam::${account}:role/orders`,
    iat: NOW,
    exp: NOW + 300,
    [AWS]: { aws_account: account },
  })
}

it('two AWS accounts have keys of the same names: a token of one signed by the other is refused', async () => {
  await using first = await startJwksServer()
  await using second = await startJwksServer()
  const [ofFirst, ofSecond] = [stsKeys(), stsKeys()]
  first.publish(ofFirst.published)
  second.publish(ofSecond.published)
  using auth = await ready(
    configsOf(
      `{ preset: aws-sts, audience: orders-api, accounts: { "${A}": "${first.issuer}", "${B}": "${second.issuer}" } }`,
    ),
  )
  const check = (text: string): Promise<string> => outcome(ask(auth, `Bearer ${text}`, 1, ['p']))

  // No `alg` in the key: it follows from its type and from what the preset allows.
  expect(await check(token(ofFirst.rsa, first, A))).toBe('ok')
  expect(await check(token(ofFirst.ec, first, A))).toBe('ok')
  expect(await check(token(ofSecond.rsa, second, B))).toBe('ok')
  for (const kind of ['rsa', 'ec'] as const) {
    expect(await check(token(ofSecond[kind], first, A))).toBe('signature_invalid')
    expect(await check(token(ofFirst[kind], second, B))).toBe('signature_invalid')
  }
  // Honestly signed, but for an account that is not the issuer's.
  expect(await check(token(ofSecond.rsa, second, A))).toBe('claim_invalid')
  const pss = { ...testKey('PS256', 'RSA_0'), privateKey: ofFirst.rsa.privateKey }
  expect(await check(token(pss, first, A))).toBe('alg_not_allowed')
})

it('keys of the same name belong to their issuer, among issuers of one provider and of several', async () => {
  await using first = await startJwksServer()
  await using second = await startJwksServer()
  await using third = await startJwksServer()
  const servers = [first, second, third]
  const keys = servers.map(() => testKey('ES256', 'same'))
  servers.forEach((server, i) => server.publish([keys[i]!.jwk]))
  const configs = [
    ...configsOf(`{ issuer: ["${first.issuer}", "${second.issuer}"], audience: a }`),
    ...configsOf(`{ issuer: "${third.issuer}", audience: a }`).map((config) => ({ ...config, name: 'other' })),
  ]
  using auth = await ready(configs)
  for (const [i, server] of servers.entries()) {
    for (const [j, key] of keys.entries()) {
      const text = signToken(key, { iss: server.issuer, aud: 'a', sub: 's', iat: NOW, exp: NOW + 60 })
      const result = await outcome(ask(auth, `Bearer ${text}`, 1, ['p', 'other']))
      expect(result, `issuer ${i}, key ${j}`).toBe(i === j ? 'ok' : 'signature_invalid')
    }
  }
})

it('an issuer that is trusted by another provider alone is unknown', async () => {
  await using first = await startJwksServer()
  await using second = await startJwksServer()
  const key = testKey('ES256')
  first.publish([key.jwk])
  second.publish([key.jwk])
  using auth = await ready([
    ...configsOf(`{ issuer: "${first.issuer}", audience: a }`),
    ...configsOf(`{ issuer: "${second.issuer}", audience: a }`).map((config) => ({ ...config, name: 'other' })),
  ])
  const text = signToken(key, { iss: second.issuer, aud: 'a', sub: 's', iat: NOW, exp: NOW + 60 })
  expect(await outcome(ask(auth, `Bearer ${text}`, 1, ['p']))).toBe('unknown_issuer')
  expect(await outcome(ask(auth, `Bearer ${text}`, 1, ['other']))).toBe('ok')
})
