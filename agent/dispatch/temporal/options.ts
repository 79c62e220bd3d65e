import { hostname } from 'node:os'
import type { AgentConfig } from '../../config/schema.ts'
import type { EndpointOptions, TemporalOptions } from '../protocol.ts'

/** What `temporal` of agent.yaml comes to. */
export function temporalOptionsOf({ namespaces, ...main }: AgentConfig['temporal']): TemporalOptions {
  const own = Object.entries(namespaces).map(([name, entry]) => [name, endpointOf(main, entry)] as const)
  return { ...main, namespaces: Object.fromEntries(own) }
}

/** How a namespace is reached; undefined: the default one. */
export function endpointFor(options: TemporalOptions, namespace: string = options.namespace): EndpointOptions {
  const own = new Map(Object.entries(options.namespaces ?? {})).get(namespace)
  const { address, tls, apiKey } = own ?? options
  return { address, tls, apiKey }
}

/** The identity shown in histories when the configuration names none. */
export function defaultIdentity(): string {
  return `haproxy-temporal@${hostname()}:${process.pid}`
}

/** What proves who we are belongs together: whoever gives a namespace a part of it gives all of it. */
function endpointOf(main: EndpointOptions, entry: AgentConfig['temporal']['namespaces'][string]): EndpointOptions {
  const { address = main.address, tls, apiKey } = entry
  if (tls === undefined && apiKey === undefined) return { address, tls: main.tls, apiKey: main.apiKey }
  return { address, tls: tls ?? apiKey !== undefined, apiKey }
}
