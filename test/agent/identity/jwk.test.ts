import { describe, expect, it } from 'vitest'
import { calculateJwkThumbprint } from 'jose'
import { importVetted } from '../../../agent/identity/jwk.ts'
import { hasRocaShape } from '../../../agent/identity/roca.ts'
import { b64, testKey } from './support/tokens.ts'

const rsa = testKey('RS256').jwk
const ec = testKey('ES256').jwk
const ed = testKey('EdDSA').jwk
const weak = testKey('RS256', 'weak', 1024).jwk

describe('importVetted', () => {
  it('imports RSA, EC and Ed25519 keys with their RFC 7638 thumbprints', async () => {
    for (const jwk of [rsa, ec, ed]) {
      expect(await importVetted(jwk)).toMatchObject({ kid: jwk.kid, thumbprint: await calculateJwkThumbprint(jwk) })
    }
  })

  it('infers the algorithms from the key type where the key names none (AWS STS does not)', async () => {
    const algorithms = async (jwk: object): Promise<readonly string[]> =>
      (await importVetted({ ...jwk, alg: undefined })).algorithms
    expect(await algorithms(rsa)).toEqual(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'])
    expect(await algorithms(ec)).toEqual(['ES256'])
    expect(await algorithms(testKey('ES384').jwk)).toEqual(['ES384'])
    expect(await algorithms(ed)).toEqual(['EdDSA', 'Ed25519'])
  })

  it.each([
    ['RSA', { ...rsa, x5c: ['x'], use: 'sig' }],
    ['RSA without alg', { ...rsa, alg: undefined, kid: undefined }],
    ['EC', ec],
    ['Ed25519', ed],
    ['P-521', testKey('ES512').jwk],
  ])('keeps of a key (%s) what makes the same key again, and nothing else', async (_what, jwk) => {
    const first = await importVetted(jwk)
    const again = await importVetted(JSON.parse(JSON.stringify(first.jwk)))
    expect([again.id, again.kid, again.jwk]).toEqual([first.id, first.kid, { ...first.jwk }])
    const members = ['kty', 'kid', 'alg', 'n', 'e', 'crv', 'x', 'y']
    expect(Object.keys(first.jwk).filter((name) => !members.includes(name))).toEqual([])
  })

  it('takes a key published for another algorithm for another key', async () => {
    expect((await importVetted({ ...rsa, alg: 'PS256' })).id).not.toBe((await importVetted(rsa)).id)
  })

  it.each([
    ['no object', 'key'],
    ['null', null],
    ['an oct key', { kty: 'oct', k: b64('secret') }],
    ['a private RSA key', testKey('RS256').privateKey.export({ format: 'jwk' })],
    ['a private EC key', testKey('ES256').privateKey.export({ format: 'jwk' })],
    ['an encryption key', { ...rsa, use: 'enc' }],
    ['an encryption algorithm', { ...rsa, alg: 'RSA-OAEP' }],
    ['a symmetric algorithm', { ...rsa, alg: 'HS256' }],
    ['an algorithm of another type', { ...ec, alg: 'RS256' }],
    ['key_ops without verify', { ...rsa, key_ops: ['encrypt'] }],
    ['key_ops that is no array', { ...rsa, key_ops: 'verify' }],
    ['a kid that is no string', { ...rsa, kid: 1 }],
    ['an RSA key of 1024 bits', weak],
    ['a modulus of 16384 bits', { ...rsa, n: b64(Buffer.alloc(2048, 0xff)) }],
    ['exponent 1', { ...rsa, e: 'AQ' }],
    ['an even exponent', { ...rsa, e: 'AQAA' }],
    ['a huge exponent', { ...rsa, e: rsa.n }],
    [
      'an even modulus',
      { ...rsa, n: b64(Buffer.concat([Buffer.from(rsa.n ?? '', 'base64url').subarray(0, -1), Buffer.from([2])])) },
    ],
    ['n that is no base64url', { ...rsa, n: 'a b' }],
    ['no n', { ...rsa, n: undefined }],
    ['an unknown curve', { ...ec, crv: 'secp256k1', alg: undefined }],
    ['an unknown key type', { kty: 'XYZ' }],
    ['a point off its curve', { ...ec, x: ec.y }],
    ['an Ed25519 key of the wrong length', { ...ed, x: 'AAAA' }],
    ['an X25519 key', { ...ed, crv: 'X25519', alg: undefined }],
  ])('refuses %s', async (_what, jwk) => {
    await expect(importVetted(jwk)).rejects.toMatchObject({ name: 'KeyRefused' })
  })
})

describe('hasRocaShape', () => {
  it('knows a modulus made of powers of 65537 from a sound one', () => {
    expect(hasRocaShape(65537n ** 128n)).toBe(true)
    expect(hasRocaShape(BigInt(`0x${Buffer.from(rsa.n ?? '', 'base64url').toString('hex')}`))).toBe(false)
  })
})
