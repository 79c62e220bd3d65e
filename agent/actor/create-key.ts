import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { isObject } from '../identity/plain-json.ts'
import type { EnvelopeAlgorithm } from './envelope.ts'
import { parseSigningKey, parseVerificationKeys, toJwks } from './key-text.ts'

export interface KeyFiles {
  /** Gets the private key as PEM, readable by its owner alone. Must not exist. */
  readonly keyFile: string
  /** Gets the public key as a JWK Set, beside those that are there. */
  readonly jwksFile: string
}

export interface CreatedKey {
  readonly kid: string
  readonly alg: EnvelopeAlgorithm
  /** Keys in the JWK Set now. */
  readonly keys: number
}

/**
 * Makes a key that signs envelopes. The public half is added to the set first: workers may know a key before an agent
 * signs with it, never after.
 *
 * @throws {Error} when the private key's file exists, the set cannot be read as one, or a file cannot be written
 */
export function createKey(alg: EnvelopeAlgorithm, { keyFile, jwksFile }: KeyFiles): CreatedKey {
  const before = membersOf(jwksFile)
  const pem = generate(alg)
  const key = parseSigningKey(pem)
  // Claims the name before anything else happens; a key that is there may be the one that signs now.
  writeFileSync(keyFile, '', { flag: 'wx', mode: 0o600 })
  const set = { ...before.document, keys: [...before.keys, ...toJwks([key]).keys] }
  try {
    writeAtomically(jwksFile, `${JSON.stringify(set, null, 2)}\n`)
    writeFileSync(keyFile, pem)
  } catch (error) {
    rmSync(keyFile)
    throw error
  }
  return { kid: key.kid, alg, keys: set.keys.length }
}

function generate(alg: EnvelopeAlgorithm): string {
  const format = { format: 'pem', type: 'pkcs8' } as const
  const pair = alg === 'EdDSA' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return pair.privateKey.export(format).toString()
}

function membersOf(file: string): { document: object; keys: unknown[] } {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { document: {}, keys: [] }
    throw error
  }
  try {
    // A set that a worker would refuse must not grow.
    parseVerificationKeys(text)
    const document: unknown = JSON.parse(text)
    if (isObject(document) && Array.isArray(document['keys'])) return { document, keys: document['keys'] }
    throw new Error('not a JWK Set')
  } catch (error) {
    throw new Error(`${file}: ${error instanceof SyntaxError ? 'not JSON' : (error as Error).message}`, {
      cause: error,
    })
  }
}

/** A worker may read it at this very moment. */
function writeAtomically(file: string, text: string): void {
  const draft = `${file}.${process.pid}.tmp`
  writeFileSync(draft, text, { mode: 0o644 })
  renameSync(draft, file)
}
