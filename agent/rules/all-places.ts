import type { AgentConfig } from '../config/schema.ts'
import { type CredentialLocation, locationOf } from '../identity/location.ts'
import { jwtProviderConfigs } from '../identity/provider-configs.ts'
import { createSchemes } from '../identity/schemes.ts'
import { sharedPlace } from '../identity/shared-place.ts'

const CONTEXT = { now: Date.now, monotonicMs: () => performance.now(), log: { info() {}, warn() {}, error() {} } }

/**
 * Why no request could satisfy `all` of these providers: two of them look at the same place, so that one credential would
 * prove both, which the authenticator refuses; or both look at one header field only, which holds one credential.
 * @returns a sentence that names the two and the place; undefined where each has a place of its own. Names that are not
 * declared are left out, as is a name that stands twice: that is told elsewhere.
 */
export function sharedPlaces(config: AgentConfig, providers: readonly string[]): string | undefined {
  const before: { name: string; locations: readonly CredentialLocation[] }[] = []
  for (const name of new Set(providers)) {
    const locations = locationsOf(config, name)
    if (locations.length === 0) continue
    for (const other of before) {
      const shared = sharedPlace(locations, other.locations)
      const place = shared === undefined ? onlyField(locations, other.locations) : placeName(shared)
      if (place !== undefined) return `"${other.name}" and "${name}" look at the same place: ${place}`
    }
    before.push({ name, locations })
  }
  return undefined
}

/** Asked of the schemes themselves, which are made for that and never started: each kind has places of its own. */
export function locationsOf({ identity }: AgentConfig, name: string): readonly CredentialLocation[] {
  const settings = Object.hasOwn(identity.providers, name) ? identity.providers[name] : undefined
  // Of a file with other mistakes only the names are known.
  if (settings?.kind === undefined) return []
  if (settings.kind === 'jwt') {
    return jwtProviderConfigs(name, settings).flatMap(({ locations }) => locations.map(locationOf))
  }
  return createSchemes({ [name]: settings }, CONTEXT).flatMap((scheme) => {
    scheme.close?.()
    return scheme.locations
  })
}

/** The header field that all of these places are in. Cookies and parameters may be several of one request. */
function onlyField(a: readonly CredentialLocation[], b: readonly CredentialLocation[]): string | undefined {
  const fields = new Set([...a, ...b].map(({ id }) => fieldOf(id)))
  const [field] = fields
  return fields.size === 1 && field !== undefined ? `${field}, which holds one credential` : undefined
}

function fieldOf(id: string): string | undefined {
  const [kind, name] = id.split(':', 2)
  if (kind === 'authorization') return 'the Authorization header'
  return kind === 'header' ? `the header "${name}"` : undefined
}

/** `authorization:bearer`, `header:x-api-key:ht_`, `cookie:session`, `query:token`, `certificate`. */
function placeName(id: string): string {
  const [kind, name = '', prefix] = id.split(':', 3)
  switch (kind) {
    case 'authorization':
      return `the Authorization header (${name})`
    case 'header':
      return `the header "${name}"${prefix === undefined ? '' : ` (${prefix})`}`
    case 'cookie':
      return `the cookie "${name}"`
    case 'query':
      return `the query parameter "${name}"`
    default:
      return 'the client certificate'
  }
}
