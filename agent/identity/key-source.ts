import { readFile } from 'node:fs/promises'
import type { ProviderConfig } from './config.ts'
import { discoveryUrl, jwksUriOf } from './discovery.ts'
import { FetchError } from './http/fetch-error.ts'
import { getJson, type GetOptions } from './http/json.ts'
import { proxyUrl, type ProxySetting } from './http/proxy.ts'
import { parseKeySet, type ParsedKeySet } from './key-set.ts'
import { freshForMs, type KeyLimits } from './refresh-times.ts'

/** What of a provider says where its keys come from. */
export type KeySourceConfig = Pick<
  ProviderConfig,
  | 'name'
  | 'issuer'
  | 'jwksUri'
  | 'jwksUris'
  | 'jwksHosts'
  | 'jwksTokenFile'
  | 'keysFile'
  | 'caFile'
  | 'proxy'
  | 'maxStaleMs'
>

export interface FetchedKeys extends ParsedKeySet {
  /** Milliseconds until they are due for a refresh. */
  readonly freshMs: number
}

type Connection = Pick<GetOptions, 'ca' | 'headers'>

/** The endpoints of one issuer's keys: configured ones, tried in turn, or the one that discovery names. */
export class KeySource {
  readonly #config: KeySourceConfig
  readonly #limits: KeyLimits
  readonly #signal: AbortSignal
  readonly #proxy: ProxySetting | undefined
  /** Empty: not known, discovery must be asked. */
  #urls: readonly URL[]

  /** @throws {TypeError} the proxy is no URL of one */
  constructor(config: KeySourceConfig, limits: KeyLimits, signal: AbortSignal) {
    this.#config = config
    this.#limits = limits
    this.#signal = signal
    this.#proxy = config.proxy === undefined || config.proxy === 'env' ? config.proxy : proxyUrl(config.proxy)
    if (config.proxy !== undefined && this.#proxy === undefined)
      throw new TypeError(
        `identity provider "${config.name}": proxy must be an http or https URL without a path, or env`,
      )
    this.#urls = (config.jwksUris ?? (config.jwksUri === undefined ? [] : [config.jwksUri])).map((url) => new URL(url))
  }

  /**
   * The keys of the first endpoint that answers with a usable set; it stays the first one.
   * @throws {FetchError} none did
   */
  async fetch(): Promise<FetchedKeys> {
    const { caFile, jwksTokenFile, issuer, jwksHosts } = this.#config
    const connection: Connection = {
      ca: caFile === undefined ? undefined : await readText('caFile', caFile),
      ...(jwksTokenFile === undefined ? {} : { headers: await bearer(jwksTokenFile) }),
    }
    if (this.#urls.length > 0) return this.#firstOf(this.#urls, connection)
    const { body } = await this.#get(discoveryUrl(issuer), connection)
    const url = jwksUriOf(body, issuer, jwksHosts)
    const keys = await this.#keysOf(url, connection)
    // Only now: while they fail, the metadata may move the keys elsewhere, so it is asked each time.
    this.#urls = [url]
    return keys
  }

  async #firstOf(urls: readonly URL[], connection: Connection): Promise<FetchedKeys> {
    const failures: FetchError[] = []
    for (const url of urls) {
      try {
        const keys = await this.#keysOf(url, connection)
        this.#urls = [url, ...urls.filter((other) => other !== url)]
        return keys
      } catch (error) {
        if (!(error instanceof FetchError) || this.#signal.aborted) throw error
        failures.push(error)
      }
    }
    const { jwksUri, jwksUris } = this.#config
    if (jwksUri === undefined && jwksUris === undefined) this.#urls = []
    throw combined(failures, urls)
  }

  async #keysOf(url: URL, connection: Connection): Promise<FetchedKeys> {
    const { body, cacheControl, ageS } = await this.#get(url, connection)
    const parsed = await parseKeySet(body, this.#limits.maxKeys)
    return { ...parsed, freshMs: freshForMs(cacheControl, this.#limits, ageS) }
  }

  #get(url: URL, connection: Connection): ReturnType<typeof getJson> {
    return getJson(url, {
      ...connection,
      timeoutMs: this.#limits.timeoutMs,
      maxBytes: this.#limits.maxBodyBytes,
      proxy: this.#proxy,
      signal: this.#signal,
    })
  }
}

/** One error for all endpoints. It asks to be left alone only as long as every one of them does. */
function combined(failures: readonly FetchError[], urls: readonly URL[]): FetchError {
  const [first] = failures
  if (failures.length === 1 && first !== undefined) return first
  const message = failures.map((failure, i) => `${urls[i]?.host}: ${failure.message}`).join('; ')
  return new FetchError(message, { retryAfterMs: Math.min(...failures.map((failure) => failure.retryAfterMs ?? 0)) })
}

async function readText(setting: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    throw new FetchError(`${setting} cannot be read`)
  }
}

/** Read at each fetch: tokens of service accounts live for an hour and are replaced under the same name. */
async function bearer(path: string): Promise<Record<string, string>> {
  const token = (await readText('jwksTokenFile', path)).trim()
  if (!/^[\x21-\x7e]+$/.test(token)) throw new FetchError('jwksTokenFile holds no token')
  return { authorization: `Bearer ${token}` }
}
