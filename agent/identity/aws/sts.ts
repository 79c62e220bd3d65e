import { readFile } from 'node:fs/promises'
import { FetchError } from '../http/fetch-error.ts'
import { ConnectionPool } from '../http/pool.ts'
import { httpRequest } from '../http/request.ts'
import type { Presigned } from './presigned.ts'
import { readStsAnswer, type StsWord } from './sts-answer.ts'

/** How STS is reached. */
export interface StsOptions {
  /** Where to connect instead of to a host itself, by host. The host's own name stays that of TLS and of the request. */
  readonly endpoints: Readonly<Record<string, string>>
  readonly caFile: string | undefined
  readonly proxy: string | undefined
  readonly timeoutMs: number
  /** Connections to one host. */
  readonly maxConnections: number
}

/** Bytes. GetCallerIdentity answers with some 500. */
const MAX_ANSWER = 16 * 1024
const IDLE_MS = 30_000

/** The only one that can tell whether a presigned request is genuine: AWS Security Token Service. */
export class Sts {
  readonly #options: StsOptions
  readonly #proxy: URL | undefined
  readonly #pool: ConnectionPool

  constructor(options: StsOptions) {
    this.#options = options
    this.#proxy = options.proxy === undefined ? undefined : new URL(options.proxy)
    this.#pool = new ConnectionPool({
      maxSockets: options.maxConnections,
      idleMs: IDLE_MS,
      connectTimeoutMs: options.timeoutMs,
      proxy: this.#proxy,
    })
  }

  /**
   * Sends the request as its client signed it. Node takes the name for TLS from the `host` header, which a `fetch()` would
   * replace by the URL's.
   * @param headers signed ones, beside `host`
   * @throws {FetchError} no usable answer; the message holds nothing of the request
   */
  async ask(presigned: Presigned, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<StsWord> {
    const { endpoints, caFile, timeoutMs } = this.#options
    const { host, target } = presigned
    const answer = await httpRequest(new URL(target, endpoints[host] ?? `https://${host}`), {
      headers: { ...headers, host, accept: 'application/json' },
      timeoutMs,
      maxBytes: MAX_ANSWER,
      ca: caFile === undefined ? undefined : await readCa(caFile),
      proxy: this.#proxy,
      signal,
      pool: this.#pool,
    })
    return readStsAnswer(answer)
  }

  close(): void {
    this.#pool.close()
  }
}

async function readCa(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    throw new FetchError('caFile cannot be read')
  }
}
