import type { RuleConfig } from '../config/rules.ts'
import { type Finding, warning } from './finding.ts'
import type { Line } from './haproxy-file.ts'
import { conditionOf, type LintInput, refersTo } from './input.ts'

/** Answers of the agent that haproxy.cfg makes nothing of: a route, a redirect, a status. */
export function answers(input: LintInput): Finding[] {
  const { haproxy, asking } = input
  if (asking.length === 0) return []
  const lines = [...asking, ...haproxy.sectionsOf('defaults', 'backend')].flatMap((section) => section.lines)
  return [...route(input, lines), ...redirect(input, lines), ...status(input, lines)]
}

const ACTS = /^(?:use_backend|use-server|default_backend|acl|http-request|tcp-request)$/
const TELLS = /^(?:add-header|set-header|replace-header|capture|set-log-level)$/

function acting(lines: readonly Line[]): Line[] {
  return lines.filter(({ words }) => ACTS.test(words[0]?.text ?? '') && !TELLS.test(words[1]?.text ?? ''))
}

/** A rule's route is only a variable until `use_backend` takes it. */
function route({ haproxy, loaded: { config, document } }: LintInput, lines: readonly Line[]): Finding[] {
  const rule = config.rules.find((one) => one.route !== undefined || one.routeBy !== undefined)
  const isUsed = acting(lines).some(({ words }) => words[1]?.text !== 'return' && refersTo(words, 'route'))
  if (rule === undefined || isUsed) return []
  const key = rule.route === undefined ? 'routeBy' : 'route'
  const message = `rule "${rule.name}" has a route, but no "use_backend" of ${haproxy.file} reads txn.temporal.route`
  return [warning(document.atValue('HAPROXY_ROUTE_UNUSED', [...rule.at, key], message))]
}

/** To HAProxy a redirect is a refusal with a status and a variable beside it. */
function redirect({ haproxy, loaded: { config, document } }: LintInput, lines: readonly Line[]): Finding[] {
  const found = config.rules.flatMap((rule) => redirectOf(rule))[0]
  if (found === undefined || acting(lines).some(({ words }) => refersTo(words, 'location'))) return []
  const message = `rule "${found.name}" redirects, but no rule of ${haproxy.file} reads txn.temporal.location`
  return [warning(document.atValue('HAPROXY_REDIRECT_UNUSED', found.path, message))]
}

function redirectOf({ name, at, redirect: own, identity }: RuleConfig): { name: string; path: (string | number)[] }[] {
  if (own !== undefined) return [{ name, path: [...at, 'redirect'] }]
  if (identity === undefined || identity === 'none' || identity.redirect === undefined) return []
  return [{ name, path: [...at, 'identity', 'redirect'] }]
}

/** HAProxy wants each status spelled out; of one that it does not know only "deny" is left. */
function status({ haproxy, loaded: { config, document } }: LintInput, lines: readonly Line[]): Finding[] {
  const conditions = acting(lines).filter(({ words }) => refersTo(words, 'status'))
  const known = new Set(conditions.flatMap(statusesOf))
  // Told apart in another way, by a range or a map.
  if (known.size === 0 || conditions.some((line) => statusesOf(line).length === 0)) return []
  return config.rules.flatMap(({ deny, name, at }) => {
    if (deny === undefined || known.has(deny)) return []
    const message = `rule "${name}" refuses with ${deny}, for which ${haproxy.file} has no rule`
    const hint = `Add a rule "if { var(txn.temporal.status) -m int ${deny} }".`
    return [warning(document.atValue('HAPROXY_STATUS_UNUSED', [...at, 'deny'], message, { hint }))]
  })
}

/** `400 401` of `{ var(txn.temporal.status) -m int 400 401 }`. */
function statusesOf(line: Line): number[] {
  const words = line.words[0]?.text === 'acl' ? line.words : conditionOf(line)
  const texts = words.map(({ text }) => text)
  return texts.flatMap((text, i) => {
    if (!text.endsWith('txn.temporal.status)') || texts[i + 1] !== '-m' || texts[i + 2] !== 'int') return []
    const rest = texts.slice(i + 3)
    const end = rest.findIndex((word) => !/^\d+$/.test(word))
    return rest.slice(0, end === -1 ? undefined : end).map(Number)
  })
}
