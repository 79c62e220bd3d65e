import { Secret } from '../../secrets/secret.ts'
import { WatchedFile } from '../../secrets/watched-file.ts'
import type { EndpointOptions } from '../protocol.ts'
import type { Credentials } from './credentials.ts'
import { type CertificateFile, certificatesOf, type KeyFile, privateKeyOf } from './pem.ts'

/** Why files cannot be used as they are. */
export interface FileProblem {
  readonly file: string
  readonly reason: string
}

/** What the files of an endpoint come to. */
export interface Reading {
  /** Undefined while they make no set that belongs together. */
  readonly credentials: Credentials | undefined
  readonly problem: FileProblem | undefined
}

/** Whoever reads the files also tells of their problems, of all files of an endpoint together. */
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined }

/** The files that an endpoint names, and what can be made out of their latest good contents. */
export class CredentialFiles {
  readonly #tls: boolean
  readonly #serverName: string | undefined
  readonly #fixedKey: Secret | undefined
  readonly #ca: WatchedFile<CertificateFile> | undefined
  readonly #cert: WatchedFile<CertificateFile> | undefined
  readonly #key: WatchedFile<KeyFile> | undefined
  readonly #apiKey: WatchedFile<Secret> | undefined
  readonly #all: readonly (readonly [path: string, file: WatchedFile<unknown>])[]

  /** @throws {Error} when an API key that is no file cannot be sent */
  constructor({ tls, apiKey }: Pick<EndpointOptions, 'tls' | 'apiKey'>) {
    const all: [string, WatchedFile<unknown>][] = []
    const watched = <T>(path: string | undefined, parse: (text: string) => T): WatchedFile<T> | undefined => {
      if (path === undefined) return undefined
      const file = new WatchedFile({ path, parse, log: SILENT })
      all.push([path, file])
      return file
    }
    const { caFile, certFile, keyFile, serverName } = typeof tls === 'object' ? tls : {}
    this.#tls = tls === undefined ? apiKey !== undefined : tls !== false
    this.#serverName = serverName
    this.#ca = watched(caFile, certificatesOf)
    this.#cert = watched(certFile, certificatesOf)
    this.#key = watched(keyFile, privateKeyOf)
    if (apiKey !== undefined && 'value' in apiKey) this.#fixedKey = apiKeyOf(apiKey.value)
    else this.#apiKey = watched(apiKey?.file, apiKeyOf)
    this.#all = all
  }

  /** Whether there is anything that can change. */
  get none(): boolean {
    return this.#all.length === 0
  }

  /** Looks at all files. Never rejects. */
  async refresh(): Promise<void> {
    await Promise.all(this.#all.map(([, file]) => file.refresh()))
  }

  read(now: number): Reading {
    const unread = this.#all.find(([, file]) => file.lastError !== undefined)
    const problem = unread && { file: unread[0], reason: unread[1].lastError ?? '' }
    const missing = this.#all.some(([, file]) => file.value === undefined)
    if (missing) return { credentials: undefined, problem }
    const cert = this.#cert?.value
    const key = this.#key?.value
    if (cert !== undefined && key !== undefined && !cert.leaf.checkPrivateKey(key.key)) {
      return { credentials: undefined, problem: problem ?? this.#mismatch() }
    }
    return { credentials: this.#credentials(cert, key), problem: problem ?? this.#expired(cert, now) }
  }

  close(): void {
    for (const [, file] of this.#all) file.close()
  }

  #credentials(cert: CertificateFile | undefined, key: KeyFile | undefined): Credentials {
    const tls = {
      ca: this.#ca?.value?.pem,
      pair: cert && key && { cert: cert.pem, key: key.pem },
      serverName: this.#serverName,
    }
    return {
      tls: this.#tls && tls,
      apiKey: this.#fixedKey ?? this.#apiKey?.value,
      expiresAt: cert?.expiresAt,
      files: new Map(this.#all.map(([path, file]) => [path, file.value])),
    }
  }

  #mismatch(): FileProblem {
    const [cert, key] = [this.#cert, this.#key].map((file) => this.#all.find(([, each]) => each === file)?.[0] ?? '')
    return { file: key ?? '', reason: `does not belong to the certificate in ${cert}` }
  }

  #expired(cert: CertificateFile | undefined, now: number): FileProblem | undefined {
    if (cert === undefined || now < cert.expiresAt) return undefined
    const file = this.#all.find(([, each]) => each === this.#cert)?.[0] ?? ''
    return { file, reason: `expired on ${new Date(cert.expiresAt).toISOString()}` }
  }
}

function apiKeyOf(text: string): Secret {
  const key = text.trim()
  if (key === '') throw new Error('empty')
  // It travels in a header; gRPC would refuse the call, and quote the key.
  if (!/^[\x21-\x7e]+$/.test(key)) throw new Error('an API key has no blanks and no characters beyond ASCII')
  return new Secret(key)
}
