import { createPrivateKey, X509Certificate } from 'node:crypto'
import { Secret } from '../../secrets/secret.ts'
import { WatchedFile } from '../../secrets/secret-file.ts'
import type { Log } from '../log.ts'

/** A certificate and its key, both PEM. */
export interface KeyPair {
  readonly cert: string
  readonly key: Secret
}

/** `lastError` while the files hold a certificate and the key of another one. */
export const MISMATCH = 'certFile and keyFile do not match'

/**
 * A certificate and its key in two files, which change one after the other when they are renewed: a pair is used
 * only when the two belong together, and until then the one before it.
 */
export class KeyPairFiles {
  readonly #cert: WatchedFile<string>
  readonly #key: WatchedFile<Secret>
  #good: KeyPair | undefined
  /** The pair that was found not to match, so that it is looked at once. */
  #bad: KeyPair | undefined

  constructor(certFile: string, keyFile: string, log: Log) {
    this.#cert = new WatchedFile({ path: certFile, log, parse: parseCertificate })
    this.#key = new WatchedFile({ path: keyFile, log, parse: parseKey })
  }

  /** The latest pair that matches; undefined before there was one. */
  get current(): KeyPair | undefined {
    const { value: cert } = this.#cert
    const { value: key } = this.#key
    if (cert === undefined || key === undefined) return this.#good
    if (isPair(this.#good, cert, key) || isPair(this.#bad, cert, key)) return this.#good
    const pair = { cert, key }
    if (new X509Certificate(cert).checkPrivateKey(createPrivateKey(key.reveal()))) this.#good = pair
    else this.#bad = pair
    return this.#good
  }

  get lastError(): string | undefined {
    const { value: cert } = this.#cert
    const { value: key } = this.#key
    const mismatch = cert !== undefined && key !== undefined && isPair(this.#bad, cert, key)
    return this.#cert.lastError ?? this.#key.lastError ?? (mismatch ? MISMATCH : undefined)
  }

  async start(): Promise<void> {
    await Promise.all([this.#cert.start(), this.#key.start()])
  }

  /** Looks at both files now. */
  async refresh(): Promise<void> {
    await Promise.all([this.#cert.refresh(), this.#key.refresh()])
  }

  close(): void {
    this.#cert.close()
    this.#key.close()
  }
}

function isPair(pair: KeyPair | undefined, cert: string, key: Secret): boolean {
  return pair?.cert === cert && pair.key === key
}

function parseCertificate(text: string): string {
  if (!parses(() => new X509Certificate(text))) throw new Error('not a certificate in PEM')
  return text
}

function parseKey(text: string): Secret {
  if (!parses(() => createPrivateKey(text))) throw new Error('not a private key in PEM')
  return new Secret(text)
}

/** OpenSSL's own words about what is wrong help nobody, and might quote it. */
function parses(parse: () => unknown): boolean {
  try {
    parse()
    return true
  } catch {
    return false
  }
}
