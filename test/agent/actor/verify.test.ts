import { createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { copyFileSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { compactVerify, importJWK } from 'jose'
import { describe, expect, it } from 'vitest'
import { openVerificationKeys } from '../../../agent/actor/verification-keys.ts'
import type { EnvelopePlace } from '../../../agent/actor/proof.ts'
import { verifyEnvelope } from '../../../agent/actor/verify.ts'
import { tempFolder } from '../../support/folder.ts'
import { ann, newPrivateKey, privatePem, quiet, SIGNED_AT, subjectOf, testSigner, writeJwks } from './support/keys.ts'

const PLACE: EnvelopePlace = { namespace: 'default', workflowIds: ['orders/r-1'], arrivedAt: SIGNED_AT }
const HOUR = 3_600_000
const LEEWAY = 60_000

async function setUp(alg: 'EdDSA' | 'ES256' = 'EdDSA') {
  const folder = tempFolder()
  const mine = testSigner(folder, { alg })
  const keysFile = writeJwks(folder, [mine.key])
  const keys = openVerificationKeys({ file: keysFile }, { log: quiet })
  await keys.refresh()
  const verify = (envelope: string, place: Partial<EnvelopePlace> = {}) =>
    verifyEnvelope(envelope, keys, { ...PLACE, ...place })
  return { folder, ...mine, keysFile, keys, verify }
}

/** A JWS with any header and claims, signed by any key. */
function forge(header: object, claims: unknown, key = newPrivateKey()): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const input = `${encode(header)}.${encode(claims)}`
  return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`
}

const partsOf = (envelope: string) =>
  envelope
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>)

describe.each(['EdDSA', 'ES256'] as const)('an envelope signed with %s', (alg) => {
  it('proves its actor where it belongs, and says who signed for what', async () => {
    const { signer, verify } = await setUp(alg)
    expect(await verify(signer.sign(subjectOf()))).toEqual({
      ok: true,
      actor: {
        ...ann,
        workflowId: 'orders/r-1',
        namespace: 'default',
        agent: { id: 'agent@test', version: expect.any(String) as string },
      },
    })
  })

  it('is a JWS that another library verifies, with the thumbprint as kid', async () => {
    const { signer, key } = await setUp(alg)
    const { protectedHeader, payload } = await compactVerify(
      signer.sign(subjectOf()),
      await importJWK(key.publicJwk, alg),
    )
    expect(protectedHeader).toEqual({ alg, kid: key.kid, typ: 'haproxy-temporal-actor+jwt' })
    expect(JSON.parse(Buffer.from(payload).toString())).toMatchObject({
      v: 2,
      aud: 'default',
      wid: 'orders/r-1',
      evt: 'orders/r-1',
      iat: SIGNED_AT / 1000,
      exp: SIGNED_AT / 1000 + 3600,
      actor: ann,
    })
  })

  it('is refused with any character changed', async () => {
    const { signer, verify } = await setUp(alg)
    const envelope = signer.sign(subjectOf())
    await fc.assert(
      fc.asyncProperty(
        fc.nat(envelope.length - 1),
        fc.constantFrom('A', 'B', 'a', 'b', '0', '1', '-', '_'),
        async (at, character) => {
          fc.pre(envelope[at] !== character)
          const changed = envelope.slice(0, at) + character + envelope.slice(at + 1)
          expect((await verify(changed)).ok).toBe(false)
        },
      ),
    )
  })
})

it('refuses a changed actor under the old signature', async () => {
  const { signer, verify } = await setUp()
  const [header, , signature] = signer.sign(subjectOf()).split('.')
  const [, other] = signer.sign(subjectOf({ actor: { ...ann, subject: 'eve' } })).split('.')
  expect(await verify(`${header}.${other}.${signature}`)).toEqual({ ok: false, reason: 'bad_signature' })
})

it('refuses an envelope of somebody else who uses the kid of ours', async () => {
  const { signer, verify } = await setUp()
  const [header, claims] = partsOf(signer.sign(subjectOf()))
  expect(await verify(forge(header as object, claims))).toEqual({ ok: false, reason: 'bad_signature' })
})

it('refuses a key that it does not know', async () => {
  const { folder, verify } = await setUp()
  const { signer } = testSigner(folder, { name: 'other' })
  expect(await verify(signer.sign(subjectOf()))).toEqual({ ok: false, reason: 'unknown_key' })
})

describe('an envelope copied elsewhere', () => {
  it('is refused for another workflow', async () => {
    const { signer, verify } = await setUp()
    const envelope = signer.sign(subjectOf())
    expect(await verify(envelope, { workflowIds: ['orders/r-2'] })).toEqual({ ok: false, reason: 'other_workflow' })
    expect(await verify(envelope, { workflowIds: ['ORDERS/r-1'] })).toEqual({ ok: false, reason: 'other_workflow' })
    expect(await verify(envelope, { workflowIds: [] })).toEqual({ ok: false, reason: 'other_workflow' })
  })

  it('is refused in another namespace', async () => {
    const { signer, verify } = await setUp()
    expect(await verify(signer.sign(subjectOf()), { namespace: 'other' })).toEqual({
      ok: false,
      reason: 'other_namespace',
    })
  })

  it('holds for the children of its workflow', async () => {
    const { signer, verify } = await setUp()
    expect(await verify(signer.sign(subjectOf()), { workflowIds: ['child', 'orders/r-1'] })).toMatchObject({ ok: true })
  })
})

it('counts when it came in, not when it is looked at', async () => {
  const { signer, verify } = await setUp()
  const envelope = signer.sign(subjectOf())
  expect(await verify(envelope, { arrivedAt: SIGNED_AT + HOUR + LEEWAY })).toMatchObject({ ok: true })
  expect(await verify(envelope, { arrivedAt: SIGNED_AT + HOUR + LEEWAY + 1 })).toEqual({ ok: false, reason: 'expired' })
  expect(await verify(envelope, { arrivedAt: Number.NaN })).toMatchObject({ ok: false })
})

describe('confusion of algorithms and kinds', () => {
  it.each(['none', 'HS256', 'RS256', 'ES512', 'eddsa', 'Ed25519', 'ES256'])(
    '%s in the header is refused',
    async (alg) => {
      const { signer, verify } = await setUp()
      const [header, claims] = partsOf(signer.sign(subjectOf()))
      expect(await verify(forge({ ...header, alg }, claims))).toEqual({ ok: false, reason: 'alg_not_allowed' })
    },
  )

  it('an HMAC with the public key as its secret is refused', async () => {
    const { key, signer, verify } = await setUp()
    const [header, claims] = partsOf(signer.sign(subjectOf()))
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const input = `${encode({ ...header, alg: 'HS256' })}.${encode(claims)}`
    const pem = createPublicKey(key.privateKey).export({ format: 'pem', type: 'spki' })
    const mac = createHmac('sha256', pem).update(input).digest('base64url')
    expect(await verify(`${input}.${mac}`)).toEqual({ ok: false, reason: 'alg_not_allowed' })
  })

  it.each([
    ['another typ', { typ: 'JWT' }],
    ['no typ', { typ: undefined }],
    ['no kid', { kid: undefined }],
    ['a key of its own', { jwk: { kty: 'OKP' } }],
    ['a demand', { crit: ['exp'] }],
  ])('%s makes it malformed, even signed by our key', async (_, change) => {
    const { key, signer, verify } = await setUp()
    const [header, claims] = partsOf(signer.sign(subjectOf()))
    expect(await verify(forge({ ...header, ...change }, claims, key.privateKey))).toEqual({
      ok: false,
      reason: 'malformed',
    })
  })

  it.each([
    ['a later version', { v: 3 }],
    ['no workflow', { wid: undefined }],
    ['no end', { exp: undefined }],
    ['an end in words', { exp: 'never' }],
    ['several audiences', { aud: ['default'] }],
    ['no actor', { actor: null }],
    ['a later actor', { actor: { ...ann, v: 2 } }],
    ['an actor without roles', { actor: { ...ann, roles: undefined } }],
  ])('%s makes it malformed, even signed by our key', async (_, change) => {
    const { key, signer, verify } = await setUp()
    const [header, claims] = partsOf(signer.sign(subjectOf()))
    expect(await verify(forge(header as object, { ...claims, ...change }, key.privateKey))).toEqual({
      ok: false,
      reason: 'malformed',
    })
  })
})

it('takes any text and never throws', async () => {
  const { verify } = await setUp()
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
      expect(await verify(text)).toEqual({ ok: false, reason: 'malformed' })
    }),
  )
  expect(await verify('a'.repeat(300_000))).toEqual({ ok: false, reason: 'malformed' })
})

it('a rotated key: the new one is found at once, the old one holds until it is taken out', async () => {
  const { folder, key, keysFile, signer, verify } = await setUp()
  const old = signer.sign(subjectOf())
  const { key: newKey, file, signer: newSigner } = testSigner(folder, { name: 'new' })
  // The workers' set has both before the agent signs with the new one. Nobody waits for the next look at the file.
  writeJwks(folder, [key, newKey])
  expect(await verify(newSigner.sign(subjectOf()))).toMatchObject({ ok: true })
  expect(await verify(old)).toMatchObject({ ok: true })

  // The agent's file changes under it.
  copyFileSync(file, `${folder}/key.pem`)
  const following = testSigner(folder, { name: 'followed', pollMs: 5 })
  expect(following.signer.kid).toBe(following.key.kid)
  following.signer.start()
  writeFileSync(following.file, privatePem(newKey.privateKey))
  await expect.poll(() => following.signer.kid).toBe(newKey.kid)
  following.signer.close()
  expect(await verify(following.signer.sign(subjectOf()))).toMatchObject({ ok: true })

  writeJwks(folder, [newKey])
  // Something it does not know makes it look again.
  const { signer: unknown } = testSigner(folder, { name: 'unknown' })
  expect(await verify(unknown.sign(subjectOf()))).toEqual({ ok: false, reason: 'unknown_key' })
  expect(await verify(old)).toEqual({ ok: false, reason: 'unknown_key' })
  expect(keysFile).toContain(folder)
})

it('without any key that could be read it says so', async () => {
  const folder = tempFolder()
  const { signer } = testSigner(folder)
  const keys = openVerificationKeys({ file: `${folder}/none.json` }, { log: quiet })
  await keys.start()
  expect(await verifyEnvelope(signer.sign(subjectOf()), keys, PLACE)).toEqual({ ok: false, reason: 'keys_unavailable' })
  keys.close()
})

it('an RSA key that signs like ours is none of ours', async () => {
  const folder = tempFolder()
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  writeFileSync(`${folder}/rsa.pem`, privatePem(privateKey))
  expect(() => testSigner(folder, { file: `${folder}/rsa.pem` })).toThrow('expected an Ed25519 or P-256 key')
})
