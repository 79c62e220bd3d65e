import { discoveryUrl } from '../discovery.ts'
import { endpointUrl } from '../endpoint.ts'
import { FetchError } from '../http/fetch-error.ts'
import { getJson, type GetOptions } from '../http/json.ts'
import type { Log } from '../log.ts'
import { isObject } from '../plain-json.ts'
import { backoffMs, keyLimits } from '../refresh-times.ts'

export interface EndpointOptions {
  readonly provider: string
  readonly issuer: string
  /** Whether a client certificate is shown: such requests may have an endpoint of their own (RFC 8705 section 5). */
  readonly mutualTls: boolean
  readonly log: Log
  /** How to fetch now; asked again for each attempt. */
  readonly fetchOptions: () => Omit<GetOptions, 'signal'>
  readonly minBackoffMs?: number
}

/** The introspection endpoint that an issuer's metadata names: looked for in the background until it is found. */
export class DiscoveredEndpoint {
  readonly #options: EndpointOptions
  readonly #closed = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #failures = 0
  /** Undefined until it is found. */
  url: URL | undefined
  lastError: string | undefined

  constructor(options: EndpointOptions) {
    this.#options = options
  }

  /** Never rejects. */
  async start(): Promise<void> {
    const { provider, issuer, mutualTls, log, minBackoffMs = keyLimits.minBackoffMs } = this.#options
    try {
      this.url = introspectionEndpointOf(await this.#metadata(), issuer, mutualTls)
      this.lastError = undefined
      log.info({ provider }, 'introspection endpoint found')
    } catch (error) {
      if (this.#closed.signal.aborted) return
      this.lastError = error instanceof FetchError ? error.message : 'unexpected error while reading metadata'
      const pause = backoffMs(++this.#failures, { ...keyLimits, minBackoffMs }, Math.random())
      log.warn({ provider, error: this.lastError, retryInMs: Math.round(pause) }, 'finding the endpoint failed')
      this.#timer = setTimeout(() => void this.start(), pause)
      this.#timer.unref()
    }
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#closed.abort()
  }

  /** OpenID providers publish it there; plain OAuth servers only at the place of RFC 8414 section 3.1. */
  async #metadata(): Promise<unknown> {
    const options = { ...this.#options.fetchOptions(), signal: this.#closed.signal }
    try {
      return (await getJson(discoveryUrl(this.#options.issuer), options)).body
    } catch (error) {
      if (!(error instanceof FetchError) || error.status !== 404) throw error
      return (await getJson(oauthMetadataUrl(this.#options.issuer), options)).body
    }
  }
}

function oauthMetadataUrl(issuer: string): URL {
  const { origin, pathname } = new URL(issuer)
  return new URL(`${origin}/.well-known/oauth-authorization-server${pathname === '/' ? '' : pathname}`)
}

/**
 * The `introspection_endpoint` of a metadata document, trusted as `jwks_uri` is: the document names the issuer we asked,
 * and the endpoint lies at the issuer's origin, because every token that callers show is sent there.
 * @throws {FetchError} the document is not to be trusted
 */
export function introspectionEndpointOf(document: unknown, issuer: string, mutualTls: boolean): URL {
  if (!isObject(document)) throw new FetchError('the metadata document is not an object')
  if (document['issuer'] !== issuer) throw new FetchError('the metadata document names another issuer')
  const aliases = document['mtls_endpoint_aliases']
  const alias = mutualTls && isObject(aliases) ? aliases['introspection_endpoint'] : undefined
  const text = alias ?? document['introspection_endpoint']
  const url = typeof text === 'string' ? endpointUrl(text) : undefined
  if (url === undefined) throw new FetchError('introspection_endpoint of the metadata is missing or not https')
  if (url.origin !== new URL(issuer).origin)
    throw new FetchError('introspection_endpoint lies at another host than the issuer: set endpoint to allow it')
  return url
}
