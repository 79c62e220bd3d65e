import { createHmac, randomBytes } from 'node:crypto'
import type { Secret } from '../../secrets/secret.ts'
import { equalText } from './equal-text.ts'

/** Where the secret comes from, read anew every minute: see `SecretSource`. */
export interface NonceSecret {
  readonly current: Secret | undefined
}

/** One for the process: a client may show the nonce that one provider gave it to another one. */
const OWN_KEY = randomBytes(32)

/** Milliseconds that a nonce is the current one; it is taken for as long again. */
const BUCKET_MS = 60_000

/**
 * Nonces of RFC 9449 section 9 that need no memory: a keyed hash of the time. Processes with the same secret understand
 * each other's.
 */
export class NonceClock {
  readonly #secret: NonceSecret | undefined
  readonly #now: () => number
  #bucket = -1
  /** Whether the nonces of this minute are made with the shared secret. */
  #isShared = false
  #current = ''
  #previous = ''

  /**
   * @param secret shared by all agents behind one address; without one each process has its own
   * @param now milliseconds since the epoch
   */
  constructor(secret: NonceSecret | undefined, now: () => number) {
    this.#secret = secret
    this.#now = now
  }

  /** For the header DPoP-Nonce: only characters of base64url. */
  current(): string {
    this.#turn()
    return this.#current
  }

  accepts(nonce: string): boolean {
    this.#turn()
    const current = equalText(nonce, this.#current)
    const previous = equalText(nonce, this.#previous)
    return current || previous
  }

  #turn(): void {
    const bucket = Math.floor(this.#now() / BUCKET_MS)
    // The file of the secret may be read a moment after the first request: until the minute is over clients would be sent
    // from one agent's nonces to another's. One that changes waits, so that nonces given out just now stay good.
    const isShared = this.#secret?.current !== undefined
    if (bucket === this.#bucket && (this.#isShared || !isShared)) return
    this.#bucket = bucket
    this.#isShared = isShared
    this.#current = this.#nonceOf(bucket)
    this.#previous = this.#nonceOf(bucket - 1)
  }

  #nonceOf(bucket: number): string {
    return createHmac('sha256', this.#secret?.current?.reveal() ?? OWN_KEY)
      .update(`dpop-nonce:${bucket}`)
      .digest('base64url')
  }
}
