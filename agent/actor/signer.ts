import { readFileSync } from 'node:fs'
import { sign } from 'node:crypto'
import type { Log } from '../identity/log.ts'
import { WatchedFile } from '../secrets/secret-file.ts'
import { VERSION } from '../version.ts'
import { ENVELOPE_TYPE, ENVELOPE_VERSION, type EnvelopeClaims, type EnvelopeSubject } from './envelope.ts'
import { parseSigningKey, type SigningKey } from './key-text.ts'

export interface SignerOptions {
  /** Path of the private key. */
  readonly file: string
  /** Seconds from `iat` to `exp`. */
  readonly lifetimeS: number
  /** Who signs, as Temporal knows it. */
  readonly identity: string
  readonly log: Log
  /** Milliseconds since the epoch. */
  readonly now?: () => number
  /** Milliseconds between two looks at the file. */
  readonly pollMs?: number
}

/**
 * Signs envelopes, less than 0.1 ms each: in the dispatcher's thread, just before the call and again at each
 * retry, so that time spent in the outbox never counts against an envelope.
 */
export class Signer {
  readonly #options: SignerOptions
  readonly #file: WatchedFile<SigningKey>
  readonly #first: SigningKey

  /** @throws {Error} when the key cannot be read now: unsigned calls in place of signed ones would go unnoticed */
  constructor(options: SignerOptions) {
    this.#options = options
    const { file, log, pollMs } = options
    this.#first = readNow(file)
    this.#file = new WatchedFile({ path: file, parse: parseSigningKey, log, ...(pollMs !== undefined && { pollMs }) })
  }

  /** Thumbprint of the key that signs now. */
  get kid(): string {
    return this.#key.kid
  }

  /** From now on follows changes of the file. */
  start(): void {
    void this.#file.start()
  }

  close(): void {
    this.#file.close()
  }

  /** A compact JWS (RFC 7515 section 7.1). */
  sign({ namespace, workflowId, eventId, actor }: EnvelopeSubject): string {
    const { identity, lifetimeS, now = Date.now } = this.#options
    const { alg, kid, privateKey } = this.#key
    const iat = Math.floor(now() / 1000)
    const claims: EnvelopeClaims = {
      v: ENVELOPE_VERSION,
      iss: identity,
      ver: VERSION,
      aud: namespace,
      iat,
      exp: iat + lifetimeS,
      wid: workflowId,
      evt: eventId,
      actor,
    }
    const input = `${encode({ alg, kid, typ: ENVELOPE_TYPE })}.${encode(claims)}`
    const digest = alg === 'EdDSA' ? null : 'sha256'
    // RFC 7518 section 3.4: a signature is r and s, not DER. Ed25519 knows no such thing and ignores it.
    const signature = sign(digest, Buffer.from(input, 'latin1'), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')}`
  }

  get #key(): SigningKey {
    return this.#file.value ?? this.#first
  }
}

function readNow(file: string): SigningKey {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new Error(`actor.signingKey: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`, {
      cause: error,
    })
  }
  try {
    return parseSigningKey(text)
  } catch (error) {
    throw new Error(`actor.signingKey: ${file}: ${(error as Error).message}`, { cause: error })
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
