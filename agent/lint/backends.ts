import { suggest } from '../config/suggest.ts'
import { type Finding, warning } from './finding.ts'
import { linesOf, type Section } from './haproxy-file.ts'
import { backendOf, type LintInput } from './input.ts'

/** Backends that agent.yaml and spoe.conf name, and where the agent's own one leads. */
export function backends(input: LintInput): Finding[] {
  return [...routes(input), ...useBackend(input)]
}

function routes({ loaded: { config, document }, haproxy, main }: LintInput): Finding[] {
  const names = haproxy.sectionsOf('backend', 'listen').map((section) => section.name)
  const own = main === undefined ? undefined : backendOf(main)?.words[1]?.text
  const named = config.rules.flatMap(({ route, routeBy, name, at }) => [
    ...(route === undefined ? [] : [{ name, route, path: [...at, 'route'] }]),
    ...(routeBy?.among ?? []).map((one, i) => ({ name, route: one, path: [...at, 'routeBy', 'among', i] })),
  ])
  return named.flatMap(({ name, route, path }) => {
    if (route === own) {
      const message = `rule "${name}" routes to "${route}", the backend of the agent itself, which speaks no HTTP`
      return [document.atValue('HAPROXY_ROUTE_TO_AGENT', path, message)]
    }
    if (names.includes(route)) return []
    const message = `rule "${name}" routes to "${route}", which is no backend of ${haproxy.file}: HAProxy would use the default backend`
    const extra = didYouMean(route, names)
    return [document.atValue('HAPROXY_BACKEND_MISSING', path, message, extra)]
  })
}

function useBackend({ loaded: { config }, haproxy, spoe, main }: LintInput): Finding[] {
  if (main === undefined) return []
  const { agent } = main
  const line = backendOf(main)
  const name = line?.words[1]
  if (line === undefined || name === undefined) {
    const message = 'there is no "use-backend": HAProxy does not know where the agent is'
    return [spoe.at('SPOE_BACKEND_MISSING', line ?? agent.header, (line ?? agent.header).words[1], message)]
  }
  const sections = haproxy.sectionsOf('backend', 'listen')
  const backend = sections.find((section) => section.name === name.text)
  if (backend !== undefined)
    return addresses(
      config.spop.listen.map(({ address }) => address),
      { haproxy },
      backend,
    )
  const names = sections.map((section) => section.name)
  const message = `"${name.text}" is no backend of ${haproxy.file}`
  return [spoe.at('SPOE_BACKEND_MISSING', line, name, message, didYouMean(name.text, names).hint)]
}

function didYouMean(name: string, names: readonly string[]): { hint?: string } {
  const close = suggest(name, names)
  return close === undefined ? {} : { hint: `Did you mean "${close}"?` }
}

/**
 * Only ports and paths: which host is whose cannot be seen from here. One server that fits is enough, because each
 * agent process has its own environment, and this is only one of them.
 */
function addresses(listen: readonly string[], { haproxy }: Pick<LintInput, 'haproxy'>, backend: Section): Finding[] {
  const servers = linesOf(backend, 'server')
  // Which sockets systemd hands over is not written here.
  if (listen.some((address) => address.startsWith('systemd:'))) return []
  const listening = listen.map(agentEndpoint)
  const asked = servers.map((line) => serverEndpoint(line.words[2]?.text ?? ''))
  const [first] = servers
  if (first === undefined || linesOf(backend, 'server-template').length > 0) return []
  if (asked.some((endpoint) => endpoint === undefined || listening.includes(endpoint))) return []
  const message = `the agent listens on ${listen.join(', ')}, which no server of backend "${backend.name}" names`
  return [warning(haproxy.at('HAPROXY_AGENT_ADDRESS', first, first.words[2], message))]
}

/** `tcp://127.0.0.1:9000` as `:9000`, `unix:///run/spop.sock` as `/run/spop.sock`. */
function agentEndpoint(address: string): string {
  return address.startsWith('unix://') ? address.slice('unix://'.length) : port(address)
}

/** The same of a `server` line; `undefined` for what cannot be compared: `abns@name`, `fd@3`, a port that is relative. */
function serverEndpoint(address: string): string | undefined {
  const path = /^(?:unix@)?(\/.*)$/.exec(address)?.[1]
  if (path !== undefined) return path
  const bare = address.replace(/^(?:ipv4|ipv6)@/, '')
  return /^[^@/]*:\d+$/.test(bare) ? port(bare) : undefined
}

function port(address: string): string {
  return `:${Number(address.slice(address.lastIndexOf(':') + 1))}`
}
