import type { Problem } from '../config/problem.ts'
import { VARIABLE_PREFIX } from '../rules/variables.ts'
import { type Line, linesOf, type Section, type Word } from './haproxy-file.ts'
import { askingProxies, type LintInput, refersTo, warning } from './input.ts'
import { argumentsOf, messageSection } from './messages.ts'

/** What haproxy.cfg makes of the agent: whether it asks, and whether it obeys. */
export function haproxyRules(input: LintInput): Problem[] {
  const { haproxy } = input
  const proxies = askingProxies(input)
  if (proxies.length === 0) {
    const header = haproxy.sectionsOf('frontend', 'listen')[0]?.header
    const message = 'no frontend has a "filter spoe": nobody would be asked'
    return [haproxy.at('HAPROXY_FILTER_MISSING', header ?? { number: 1, words: [] }, header?.words[1], message)]
  }
  return proxies.flatMap((proxy) => [...failOpen(input, proxy), ...uniqueId(input, proxy)])
}

/** Actions that only pass the decision on; every other one may enforce it, be it through Lua or another variable. */
const OBSERVES =
  /^(?:(?:add|set|del|replace)-header|replace-value|capture|set-log-level|early-hint|send-spoe-group|unset-var\(.*|set-var\(txn\.temporal\..*)$/
/** Actions that end a request when their condition holds, and look at nothing else. */
const REFUSES = /^(?:deny|return|reject|tarpit|silent-drop|redirect|auth)$/

function failOpen({ haproxy }: LintInput, proxy: Section): Problem[] {
  // A backend may refuse too, and "defaults" may hold rules since 2.5: neither is told apart here.
  const sections = [proxy, ...haproxy.sectionsOf('defaults', 'backend', 'listen')]
  const enforcing = sections.flatMap((section) => rulesOn('decision', section))
  if (enforcing.length === 0) {
    const message = `no rule of "${proxy.name}" refuses by txn.${VARIABLE_PREFIX}.decision: every request would be let through`
    return [haproxy.at('HAPROXY_FAIL_OPEN', proxy.header, proxy.header.words[1], message)]
  }
  if (enforcing.some(actsWithoutDecision) || sections.some((section) => rulesOn('error', section).length > 0)) return []
  const message = `"${proxy.name}" refuses what the agent denies, but lets everything through while the agent is silent`
  const [rule] = enforcing
  // A user may want that, so it does not fail the check.
  return [warning(haproxy.at('HAPROXY_FAIL_OPEN', rule ?? proxy.header, rule?.words[0], message))]
}

/** Rules that depend on a variable of the agent, by themselves or through an acl of their section. */
function rulesOn(variable: string, section: Section): Line[] {
  const acls = new Set(
    linesOf(section, 'acl')
      .filter((line) => refersTo(line.words, variable))
      .map((line) => line.words[1]?.text),
  )
  return section.lines.filter((line) => {
    const [keyword, action] = line.words
    if (keyword?.text !== 'use_backend' && (keyword?.text !== 'http-request' || OBSERVES.test(action?.text ?? ''))) {
      return false
    }
    // What a refusal says in its body is no condition.
    const words = REFUSES.test(action?.text ?? '') ? condition(line) : line.words
    return refersTo(words, variable) || condition(line).some((word) => acls.has(word.text.replace(/^!/, '')))
  })
}

/** The words from the last `if` or `unless` on. */
function condition({ words }: Line): readonly Word[] {
  const at = words.findLastIndex((word) => word.text === 'if' || word.text === 'unless')
  return at === -1 ? [] : words.slice(at)
}

/** Anything but a plain match of what the decision is: a negation, a default value, another way to enforce. */
function actsWithoutDecision(line: Line): boolean {
  if (line.words[0]?.text !== 'http-request' || !REFUSES.test(line.words[1]?.text ?? '')) return true
  return condition(line).some(
    ({ text }) =>
      text === 'unless' ||
      text.startsWith('!') ||
      text.includes(`${VARIABLE_PREFIX}.decision,`) ||
      text.includes(`${VARIABLE_PREFIX}.decision),`),
  )
}

/** Without a format `unique-id` is empty, and the agent names the request itself: logs and workflows no longer agree. */
function uniqueId({ haproxy, spoe }: LintInput, proxy: Section): Problem[] {
  const check = messageSection(spoe, 'check')
  if (check === undefined || !argumentsOf(check).some(({ name, fetch }) => name === 'id' && fetch === 'unique-id')) {
    return []
  }
  const sections = [proxy, ...haproxy.sectionsOf('defaults')]
  if (sections.some((section) => linesOf(section, 'unique-id-format').length > 0)) return []
  const message = `"${proxy.name}" has no "unique-id-format", but the message "check" sends id=unique-id`
  return [warning(haproxy.at('HAPROXY_UNIQUE_ID_MISSING', proxy.header, proxy.header.words[1], message))]
}
