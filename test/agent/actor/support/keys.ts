import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EnvelopeAlgorithm, EnvelopeSubject } from '../../../../agent/actor/envelope.ts'
import { parseSigningKey, type SigningKey, toJwks } from '../../../../agent/actor/key-text.ts'
import { Signer, type SignerOptions } from '../../../../agent/actor/signer.ts'
import type { Actor } from '../../../../agent/messages.ts'

/** Milliseconds since the epoch: when envelopes of these tests are signed. */
export const SIGNED_AT = 1_760_000_000_000

export const quiet = { info() {}, warn() {}, error() {} }

export function privatePem(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString()
}

export function newPrivateKey(alg: EnvelopeAlgorithm = 'EdDSA'): KeyObject {
  return alg === 'EdDSA'
    ? generateKeyPairSync('ed25519').privateKey
    : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

/** A key in a file, and a signer of it. */
export interface TestSigner {
  readonly file: string
  readonly key: SigningKey
  readonly signer: Signer
}

export function testSigner(
  folder: string,
  {
    name = 'key',
    alg = 'EdDSA' as EnvelopeAlgorithm,
    ...more
  }: Partial<SignerOptions & { name: string; alg: EnvelopeAlgorithm }> = {},
): TestSigner {
  const file = join(folder, `${name}.pem`)
  const pem = privatePem(newPrivateKey(alg))
  writeFileSync(file, pem)
  const signer = new Signer({
    file,
    lifetimeS: 3600,
    identity: 'agent@test',
    log: quiet,
    now: () => SIGNED_AT,
    ...more,
  })
  return { file, key: parseSigningKey(pem), signer }
}

/** Writes the public halves as `actor-key create` does. */
export function writeJwks(folder: string, keys: readonly SigningKey[], name = 'keys.json'): string {
  const file = join(folder, name)
  writeFileSync(file, JSON.stringify(toJwks(keys)))
  return file
}

export const ann: Actor = {
  v: 1,
  type: 'jwt',
  provider: 'corp',
  issuer: 'https://id.example',
  subject: 'ann',
  roles: ['buyer'],
  scopes: [],
  requestId: 'r-1',
  rule: 'orders',
  decision: { rule: 'orders', failOpen: false },
}

export function subjectOf(over: Partial<EnvelopeSubject> = {}): EnvelopeSubject {
  return { namespace: 'default', workflowId: 'orders/r-1', eventId: 'orders/r-1', actor: ann, ...over }
}
