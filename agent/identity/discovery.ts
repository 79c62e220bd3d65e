import { endpointUrl } from './endpoint.ts'
import { FetchError } from './http-get.ts'
import { isObject } from './plain-json.ts'

/** Where an issuer publishes its metadata (OpenID Connect Discovery section 4). */
export function discoveryUrl(issuer: string): URL {
  return new URL(`${issuer.endsWith('/') ? issuer.slice(0, -1) : issuer}/.well-known/openid-configuration`)
}

/**
 * The `jwks_uri` of a metadata document. The document must name the issuer we asked (section 4.3), and the keys must lie
 * at the issuer's own origin: otherwise whoever can alter the document could aim us at any host. Providers that keep
 * their keys elsewhere (Google does) are configured with `jwksUri`.
 * @throws {FetchError} the document is not to be trusted
 */
export function jwksUriOf(document: unknown, issuer: string): URL {
  if (!isObject(document)) throw new FetchError('the discovery document is not an object')
  if (document['issuer'] !== issuer) throw new FetchError('the discovery document names another issuer')
  const text = document['jwks_uri']
  const url = typeof text === 'string' ? endpointUrl(text) : undefined
  if (url === undefined) throw new FetchError('jwks_uri of the discovery document is missing or not https')
  if (url.origin !== new URL(issuer).origin)
    throw new FetchError('jwks_uri lies at another host than the issuer: set jwksUri to allow it')
  return url
}
