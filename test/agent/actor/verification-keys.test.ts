import { generateKeyPairSync, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { toJwks } from '../../../agent/actor/key-text.ts'
import { openVerificationKeys, type VerificationKeys } from '../../../agent/actor/verification-keys.ts'
import { openActorVerifier } from '../../../agent/actor/verifier.ts'
import { verifyEnvelope } from '../../../agent/actor/verify.ts'
import { Cleanup } from '../../../agent/dev/cleanup.ts'
import { tempFolder } from '../../support/folder.ts'
import { startJwksServer } from '../identity/support/jwks-server.ts'
import { quiet, SIGNED_AT, subjectOf, testSigner, writeJwks } from './support/keys.ts'

const PLACE = { namespace: 'default', workflowIds: ['orders/r-1'], arrivedAt: SIGNED_AT }
let cleanup = new Cleanup()
afterEach(async () => {
  await cleanup.run()
  cleanup = new Cleanup()
})

async function published(...members: readonly object[]) {
  const server = await startJwksServer()
  cleanup.add(() => server[Symbol.asyncDispose]())
  server.publish(members)
  const keys = openVerificationKeys({ jwks: `${server.issuer}/jwks` }, { log: quiet })
  cleanup.add(() => keys.close())
  return { server, keys }
}

const verify = (envelope: string, keys: VerificationKeys) => verifyEnvelope(envelope, keys, PLACE)

it('takes keys from a URL, and looks again for one that is new there', async () => {
  const folder = tempFolder()
  const [first, second] = [testSigner(folder), testSigner(folder, { name: 'second', alg: 'ES256' })]
  const { server, keys } = await published(...toJwks([first.key]).keys)
  await keys.start()
  expect(await verify(first.signer.sign(subjectOf()), keys)).toMatchObject({ ok: true })
  server.publish(toJwks([first.key, second.key]).keys)
  expect(await verify(second.signer.sign(subjectOf()), keys)).toMatchObject({ ok: true })
})

it('an endpoint that is away means that no key is there, not that the envelope is wrong', async () => {
  const { server, keys } = await published()
  await server[Symbol.asyncDispose]()
  await keys.start()
  const { signer } = testSigner(tempFolder())
  expect(await verify(signer.sign(subjectOf()), keys)).toEqual({ ok: false, reason: 'keys_unavailable' })
})

it('a key of another kind at the same URL signs no envelopes, however sound it is', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const { keys } = await published({ ...publicKey.export({ format: 'jwk' }), kid: 'rsa' })
  await keys.start()
  const { signer } = testSigner(tempFolder())
  const [, claims] = signer.sign(subjectOf()).split('.')
  const header = { alg: 'RS256', kid: 'rsa', typ: 'haproxy-temporal-actor+jwt' }
  const input = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${claims}`
  const envelope = `${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`
  expect(await verify(envelope, keys)).toEqual({ ok: false, reason: 'alg_not_allowed' })
})

it('a file that breaks leaves the last good keys in place', async () => {
  const folder = tempFolder()
  const { key, signer } = testSigner(folder)
  const file = writeJwks(folder, [key])
  const keys = openVerificationKeys({ file }, { log: quiet })
  await keys.refresh()
  writeFileSync(file, '{ broken')
  await keys.refresh()
  expect(await verify(signer.sign(subjectOf()), keys)).toMatchObject({ ok: true })
})

it('a worker without keys has no verifier and says so once', async () => {
  const lines: string[] = []
  const log = { ...quiet, info: (_: object, message: string) => void lines.push(message) }
  expect(await openActorVerifier({ require: false }, log)).toBeUndefined()
  expect(lines).toEqual([expect.stringContaining('not proven') as string])
  const verifyKeys = { file: join(tempFolder(), 'none.json') }
  const verifier = await openActorVerifier({ verifyKeys, require: true }, log)
  expect(verifier?.required).toBe(true)
  verifier?.close()
})
