import { endpointUrl } from './endpoint.ts'
import { FetchError } from './http/fetch-error.ts'
import { isObject } from './plain-json.ts'

/** Where an issuer publishes its metadata (OpenID Connect Discovery section 4). */
export function discoveryUrl(issuer: string): URL {
  return new URL(`${issuer.endsWith('/') ? issuer.slice(0, -1) : issuer}/.well-known/openid-configuration`)
}

/**
 * The `jwks_uri` of a metadata document. The document must name the issuer we asked (section 4.3), and the keys must lie
 * at the issuer's own origin or at a host that the configuration allows: otherwise whoever can alter the document could
 * aim us at any host. Providers that keep their keys elsewhere (Google does) are configured with `jwksHosts` or `jwksUri`.
 * @param hosts `host` or `host:port` in small letters
 * @throws {FetchError} the document is not to be trusted
 */
export function jwksUriOf(document: unknown, issuer: string, hosts: readonly string[] = []): URL {
  if (!isObject(document)) throw new FetchError('the discovery document is not an object')
  if (document['issuer'] !== issuer) throw new FetchError('the discovery document names another issuer')
  const text = document['jwks_uri']
  const url = typeof text === 'string' ? endpointUrl(text) : undefined
  if (url === undefined) throw new FetchError('jwks_uri of the discovery document is missing or not https')
  if (url.origin !== new URL(issuer).origin && !isAllowed(url, hosts))
    throw new FetchError('jwks_uri lies at another host than the issuer: allow it with jwksHosts, or set jwksUri')
  return url
}

/** A host without a port stands for the scheme's own port. */
function isAllowed(url: URL, hosts: readonly string[]): boolean {
  const standardPort = url.protocol === 'https:' ? '443' : '80'
  return hosts.includes(url.host) || (url.port === '' && hosts.includes(`${url.hostname}:${standardPort}`))
}
