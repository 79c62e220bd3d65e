import type { Problem } from '../config/problem.ts'
import { suggest } from '../config/suggest.ts'
import { type Line, linesOf, type Section } from './haproxy-file.ts'
import { type LintInput, spoeAgent, warning } from './input.ts'

/** Backends that agent.yaml and spoe.conf name, and where the agent's own one leads. */
export function backends(input: LintInput): Problem[] {
  return [...routes(input), ...agentBackend(input)]
}

function routes({ loaded: { config, document }, haproxy, spoe }: LintInput): Problem[] {
  const names = haproxy.sectionsOf('backend', 'listen').map((section) => section.name)
  const own = useBackend(spoeAgent(spoe))?.words[1]?.text
  return config.rules.flatMap(({ route, name }, i) => {
    if (route === undefined) return []
    if (route === own) {
      const message = `rule "${name}" routes to "${route}", the backend of the agent itself, which speaks no HTTP`
      return [document.atValue('HAPROXY_ROUTE_TO_AGENT', ['rules', i, 'route'], message)]
    }
    if (names.includes(route)) return []
    const message = `rule "${name}" routes to "${route}", which is no backend of ${haproxy.file}: HAProxy would use the default backend`
    const extra = didYouMean(route, names)
    return [document.atValue('HAPROXY_BACKEND_MISSING', ['rules', i, 'route'], message, extra)]
  })
}

function useBackend(agent: Section | undefined): Line | undefined {
  return agent === undefined ? undefined : linesOf(agent, 'use-backend').at(-1)
}

function agentBackend({ loaded: { config }, haproxy, spoe }: LintInput): Problem[] {
  const agent = spoeAgent(spoe)
  if (agent === undefined) return []
  const line = useBackend(agent)
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
function addresses(listen: readonly string[], { haproxy }: Pick<LintInput, 'haproxy'>, backend: Section): Problem[] {
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
