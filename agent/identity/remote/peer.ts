import { WatchedFile } from '../../secrets/secret-file.ts'
import { ConnectionPool } from '../http/pool.ts'
import type { HttpOptions } from '../http/request.ts'
import type { AuthResult } from '../identity.ts'
import type { SchemeContext } from '../scheme.ts'
import { RemoteCache } from './cache.ts'
import { remoteStatus, type RemoteStatus } from './status.ts'

/** Milliseconds after which an idle connection is closed. */
const IDLE_MS = 30_000

/** The settings that providers with a server to ask have in common. */
export interface PeerSettings {
  /** Milliseconds for one answer. */
  readonly timeout: number
  /** Questions at once. */
  readonly concurrency: number
  readonly cache: { readonly maxEntries: number }
  /** PEM: authorities of the server. */
  readonly caFile?: string | undefined
  readonly proxy?: string | undefined
}

/** One server that is asked about credentials: how it is reached, what it told, and whether it is there. */
export class Peer {
  readonly cache: RemoteCache<AuthResult>
  readonly proxy: URL | undefined
  readonly #provider: string
  readonly #timeoutMs: number
  readonly #ca: WatchedFile<string> | undefined
  readonly #pool: ConnectionPool

  /** @param check asks it something of our own, see `RemoteCacheOptions` */
  constructor(
    provider: string,
    settings: PeerSettings,
    { log, monotonicMs }: SchemeContext,
    check?: (signal: AbortSignal) => Promise<unknown>,
  ) {
    const { timeout, concurrency, cache, caFile, proxy } = settings
    this.proxy = proxy === undefined ? undefined : new URL(proxy)
    this.#provider = provider
    this.#timeoutMs = timeout
    this.#ca = caFile === undefined ? undefined : new WatchedFile({ path: caFile, parse: (text) => text, log })
    this.#pool = new ConnectionPool({
      maxSockets: concurrency,
      idleMs: IDLE_MS,
      connectTimeoutMs: timeout,
      proxy: this.proxy,
    })
    const limits = { maxEntries: cache.maxEntries, maxPending: concurrency }
    this.cache = new RemoteCache({ provider, log, monotonicMs, limits, check })
  }

  /** The authorities that may vouch for it, PEM; undefined for those of the system. */
  get ca(): string | undefined {
    return this.#ca?.value
  }

  get isAway(): boolean {
    return this.cache.isAway
  }

  /** Reads its files; never rejects. */
  async start(): Promise<void> {
    await this.#ca?.start()
  }

  /** How to ask it now. */
  options(signal: AbortSignal): Pick<HttpOptions, 'timeoutMs' | 'ca' | 'proxy' | 'pool' | 'signal'> {
    return { timeoutMs: this.#timeoutMs, ca: this.ca, proxy: this.proxy, pool: this.#pool, signal }
  }

  /** @param more what the provider has beside the peer: where it asks, what of its own is wrong, whether it is away */
  status(more: { endpoint: string; error?: string | undefined; away: boolean }): RemoteStatus {
    const { endpoint, away, error = this.#ca?.lastError } = more
    return remoteStatus({ provider: this.#provider, endpoint, away, error }, [this.cache])
  }

  /** Ends questions and connections under way. */
  close(): void {
    this.cache.close()
    this.#ca?.close()
    this.#pool.close()
  }
}
