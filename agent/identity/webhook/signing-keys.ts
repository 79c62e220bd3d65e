import { createHmac, createPublicKey, createSecretKey, type KeyObject, timingSafeEqual, verify } from 'node:crypto'
import { type FileTimes, type SecretConfig, SecretSource } from '../../secrets/secret-file.ts'
import type { Secret } from '../../secrets/secret.ts'
import type { Log } from '../log.ts'

/** A signature of a delivery, decoded. */
export interface Signature {
  readonly kind: KeyKind
  readonly bytes: Buffer
}

/** A shared secret, or the public key of the sender. */
export type KeyKind = 'mac' | 'ed25519'

export type MacAlgorithm = 'sha256' | 'sha512' | 'sha1'

/** Bytes that a MAC of an algorithm has. */
export const MAC_BYTES: Readonly<Record<MacAlgorithm, number>> = { sha1: 20, sha256: 32, sha512: 64 }

/** Makes the key out of a secret's text. @throws {Error} whose message holds nothing of the text */
export type KeyReader = (text: string) => { readonly kind: KeyKind; readonly bytes: Buffer }

/** Bytes. Whoever sees one delivery can try secrets offline: short ones are found. */
const MIN_SECRET_BYTES = 16

interface SigningKey {
  readonly kind: KeyKind
  readonly key: KeyObject
}

/** The secrets of a provider: during a rotation several count, and a file brings the next one without a restart. */
export class SigningKeys {
  readonly #sources: readonly SecretSource[]
  readonly #algorithm: MacAlgorithm
  readonly #read: KeyReader
  /** What became of a secret: made once, and gone with it. */
  readonly #made = new WeakMap<Secret, SigningKey | Error>()

  constructor(
    secrets: readonly SecretConfig[],
    options: { algorithm: MacAlgorithm; read: KeyReader; log: Log; times: FileTimes },
  ) {
    this.#sources = secrets.map((config) => new SecretSource(config, options.log, options.times))
    this.#algorithm = options.algorithm
    this.#read = options.read
  }

  /** Keys that may verify now. */
  get usable(): number {
    return this.#sources.filter((source) => this.#keyOf(source) !== undefined).length
  }

  /** Whether each secret is at hand; if not, a signature that none of the others made may still be right. */
  get complete(): boolean {
    return this.usable === this.#sources.length
  }

  /** Why a secret is not at hand, or could not be read again; never with a word of it. */
  get lastError(): string | undefined {
    for (const [i, source] of this.#sources.entries()) {
      const made = source.current === undefined ? undefined : this.#make(source.current)
      const error = source.lastError ?? (made instanceof Error ? made.message : undefined)
      if (error !== undefined) return `secret ${i + 1}: ${error}`
    }
    return undefined
  }

  /** The first of the signatures that one of the keys made over `before` and the body; undefined when none did. */
  find(signatures: readonly Signature[], before: string, body: Uint8Array): Signature | undefined {
    let signed: Buffer | undefined
    for (const source of this.#sources) {
      const key = this.#keyOf(source)
      if (key === undefined) continue
      if (key.kind === 'mac') {
        const mac = createHmac(this.#algorithm, key.key).update(before, 'latin1').update(body).digest()
        const found = signatures.find(({ kind, bytes }) => kind === 'mac' && isEqual(bytes, mac))
        if (found !== undefined) return found
      } else {
        signed ??= Buffer.concat([Buffer.from(before, 'latin1'), body])
        const message = signed
        const found = signatures.find(({ kind, bytes }) => kind === 'ed25519' && verify(null, message, key.key, bytes))
        if (found !== undefined) return found
      }
    }
    return undefined
  }

  start(): void {
    for (const source of this.#sources) void source.start()
  }

  close(): void {
    for (const source of this.#sources) source.close()
  }

  #keyOf(source: SecretSource): SigningKey | undefined {
    const made = source.current === undefined ? undefined : this.#make(source.current)
    return made instanceof Error ? undefined : made
  }

  #make(secret: Secret): SigningKey | Error {
    let made = this.#made.get(secret)
    if (made === undefined) {
      made = makeKey(secret, this.#read)
      this.#made.set(secret, made)
    }
    return made
  }
}

function makeKey(secret: Secret, read: KeyReader): SigningKey | Error {
  try {
    const { kind, bytes } = read(secret.reveal())
    if (kind === 'mac') {
      if (bytes.length < MIN_SECRET_BYTES) return new Error(`shorter than ${MIN_SECRET_BYTES} bytes`)
      return { kind, key: createSecretKey(bytes) }
    }
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') }
    return { kind, key: createPublicKey({ key: jwk, format: 'jwk' }) }
  } catch (error) {
    return error as Error
  }
}

function isEqual(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
