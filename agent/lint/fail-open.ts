import { VARIABLE_PREFIX } from '../rules/variables.ts'
import type { Finding } from './finding.ts'
import type { Line, Section } from './haproxy-file.ts'
import type { LintInput } from './input.ts'
import { type KnownVariables, whenAllowed, whenDenied, whenSilent } from './known-variables.ts'
import { stoppedBy } from './rule-walk.ts'
import { errorVariables } from './set-variables.ts'
import { waysOut } from './ways-out.ts'

/**
 * Whether a request gets through that was denied, or that nobody decided about: on each way from the frontend to servers
 * some rule has to stop both. Rules of a frontend count for all of its backends, those of a backend for itself.
 */
export function failOpen(input: LintInput, proxy: Section): Finding[] {
  const denied = waysThrough(input, proxy, whenDenied(input))
  const open = openEnds(denied)
  const found = toOpenEnds(input, proxy, open, open.length === denied.length)
  if (open.length > 0 && open.length === denied.length) return found
  return [...found, ...whileSilent(input, proxy, denied)]
}

/** One way through a proxy. */
interface Way {
  /** Where it ends, or the frontend itself where its own rules stop everything. */
  readonly end: Section
  readonly stop: Line | undefined
}

function openEnds(ways: readonly Way[]): Section[] {
  return ways.flatMap(({ end, stop }) => (stop === undefined ? [end] : []))
}

function waysThrough(input: LintInput, proxy: Section, variables: KnownVariables): Way[] {
  const { haproxy, loaded } = input
  const allowed = whenAllowed(input)
  const stop = stoppedBy(haproxy, proxy, variables, allowed)
  if (stop !== undefined) return [{ end: proxy, stop }]
  const routes = loaded.config.rules.flatMap(({ route, routeBy }) => [
    ...(route === undefined ? [] : [route]),
    ...(routeBy?.among ?? []),
  ])
  return waysOut({ haproxy, routes }, proxy, variables).map((end) => ({
    end,
    stop: end === proxy ? undefined : stoppedBy(haproxy, end, variables.copy(), allowed),
  }))
}

function toOpenEnds({ haproxy }: LintInput, proxy: Section, open: readonly Section[], isAll: boolean): Finding[] {
  const why = `refuses by txn.${VARIABLE_PREFIX}.decision`
  if (isAll && open.length > 0) {
    const message = `no rule of "${proxy.name}" ${why}: every request would be let through`
    return [haproxy.at('HAPROXY_FAIL_OPEN', proxy.header, proxy.header.words[1], message)]
  }
  return open.map(({ name, header }) => {
    const message = `"${proxy.name}" leads to "${name}", and no rule of the two ${why}`
    return haproxy.at('HAPROXY_FAIL_OPEN', header, header.words[1], message)
  })
}

/** Messages that the agent decides about. */
const ASKING = ['check', 'check_body', 'connect']

function whileSilent(input: LintInput, proxy: Section, denied: readonly Way[]): Finding[] {
  const { haproxy } = input
  const engines = input.ours.filter(({ proxies }) => proxies.includes(proxy))
  const asking = engines.filter(({ messages }) => messages.some(({ name }) => ASKING.includes(name)))
  for (const engine of asking.length > 0 ? asking : engines) {
    const ways = waysThrough(input, proxy, whenSilent(input, engine))
    // What is open anyhow has been said.
    const through = openEnds(ways).filter((end) => !openEnds(denied).includes(end))
    if (through.length === 0) continue
    const hint = silentHint(errorVariables([engine])[0])
    const rest = 'lets everything through while the agent is silent'
    const isAll = through.length === ways.length
    const rule = denied.find(({ stop }) => stop !== undefined)?.stop
    if (isAll || rule === undefined) {
      const message = `"${proxy.name}" refuses what the agent denies, but ${rest}`
      const line = rule ?? proxy.header
      return [haproxy.at('HAPROXY_FAIL_OPEN', line, line.words[0], message, hint)]
    }
    return through.map(({ name, header }) => {
      const message = `"${proxy.name}" leads to "${name}" and refuses there what the agent denies, but ${rest}`
      return haproxy.at('HAPROXY_FAIL_OPEN', header, header.words[1], message, hint)
    })
  }
  return []
}

function silentHint(error: string | undefined): string {
  const refuse = 'Add "http-request return status 503 unless { var(txn.temporal.decision) -m str allow }"'
  if (error === undefined) return `${refuse}.`
  const name = `txn.${VARIABLE_PREFIX}.${error}`
  return `${refuse}, or, if that is what you want, "http-request allow if { var(${name}) -m found }" below all other rules.`
}
