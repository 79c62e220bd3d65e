import { createPublicKey, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { expect, it } from 'vitest'
import { parseSigningKey, parseVerificationKeys, toJwks } from '../../../agent/actor/key-text.ts'
import { newPrivateKey, privatePem } from './support/keys.ts'

const publicPem = (key: KeyObject) => createPublicKey(key).export({ format: 'pem', type: 'spki' }).toString()
const privateJwk = (key: KeyObject) => JSON.stringify(key.export({ format: 'jwk' }))

it.each(['EdDSA', 'ES256'] as const)('reads a private %s key from PEM and from JWK alike', async (alg) => {
  const key = newPrivateKey(alg)
  const fromPem = parseSigningKey(privatePem(key))
  expect(parseSigningKey(privateJwk(key)).kid).toBe(fromPem.kid)
  expect(fromPem).toMatchObject({ alg, kid: await calculateJwkThumbprint(fromPem.publicJwk) })
  expect(fromPem.publicJwk).not.toHaveProperty('d')
})

it('reads SEC 1 too, which openssl ecparam writes', () => {
  const key = newPrivateKey('ES256')
  expect(parseSigningKey(key.export({ format: 'pem', type: 'sec1' }).toString()).alg).toBe('ES256')
})

it.each(['EdDSA', 'ES256'] as const)('knows a public %s key by its thumbprint, whatever it was read from', (alg) => {
  const key = newPrivateKey(alg)
  const { kid, publicJwk } = parseSigningKey(privatePem(key))
  const texts = [publicPem(key), JSON.stringify(publicJwk), JSON.stringify(toJwks([parseSigningKey(privatePem(key))]))]
  for (const text of texts)
    expect(parseVerificationKeys(text)).toMatchObject([{ kid, thumbprint: kid, algorithms: [alg] }])
})

it('reads several keys of either form', () => {
  const keys = [newPrivateKey(), newPrivateKey('ES256'), newPrivateKey()]
  const kids = keys.map((key) => parseSigningKey(privatePem(key)).kid)
  const set = toJwks(keys.map((key) => parseSigningKey(privatePem(key))))
  expect(parseVerificationKeys(keys.map(publicPem).join('\n')).map(({ kid }) => kid)).toEqual(kids)
  expect(parseVerificationKeys(JSON.stringify(set)).map(({ kid }) => kid)).toEqual(kids)
})

const CANARY = 'c4n4ry'
it.each([
  ['nothing', ''],
  ['an empty set', '{"keys":[]}'],
  ['something else', CANARY],
  ['broken JSON', `{"keys":[{"x":"${CANARY}`],
  ['JSON of another kind', `{"keys":{"x":"${CANARY}"}}`],
  ['a member that is no key', `{"keys":["${CANARY}"]}`],
  ['a key of no known kind', `{"keys":[{"kty":"OKP","crv":"Ed448","x":"${CANARY}"}]}`],
  ['a shared secret', `{"keys":[{"kty":"oct","k":"${CANARY}"}]}`],
  ['a private key as PEM', privatePem(newPrivateKey())],
  ['a private key as JWK', privateJwk(newPrivateKey())],
  [
    'a key for another algorithm',
    JSON.stringify({ ...parseSigningKey(privatePem(newPrivateKey())).publicJwk, alg: 'ES256' }),
  ],
  ['a key for encryption', JSON.stringify({ ...parseSigningKey(privatePem(newPrivateKey())).publicJwk, use: 'enc' })],
])('%s is no set of public keys, and the error quotes nothing of it', (_, text) => {
  const parse = () => parseVerificationKeys(text)
  expect(parse).toThrow(Error)
  expect(parse).not.toThrow(CANARY)
})

it('one bad key in a file of good ones is seen', () => {
  const good = parseSigningKey(privatePem(newPrivateKey())).publicJwk
  expect(() => parseVerificationKeys(JSON.stringify({ keys: [good, { kty: 'oct', k: 'x' }] }))).toThrow('private key')
})

it.each([
  ['nothing', ''],
  ['a public key', publicPem(newPrivateKey())],
  ['a public JWK', JSON.stringify(parseSigningKey(privatePem(newPrivateKey())).publicJwk)],
  ['something else', CANARY],
  ['broken JSON', `{"d":"${CANARY}`],
])('%s is no private key, and the error quotes nothing of it', (_, text) => {
  expect(() => parseSigningKey(text)).toThrow('not a private key in PEM or JWK')
})
