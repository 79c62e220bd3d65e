import { messageOf, waysOf } from './engines.ts'
import { failOpen } from './fail-open.ts'
import { type Finding, fixedBy, newLine, warning } from './finding.ts'
import { inheritedLines, type Line, linesOf, type Section } from './haproxy-file.ts'
import type { LintInput } from './input.ts'
import { argumentsOf } from './message-arguments.ts'

/** What haproxy.cfg makes of the agent: whether it asks, and whether it obeys. */
export function haproxyRules(input: LintInput): Finding[] {
  const { haproxy, asking: proxies } = input
  if (proxies.length === 0) {
    const header = haproxy.sectionsOf('frontend', 'listen')[0]?.header
    const message = 'no frontend has a "filter spoe": nobody would be asked'
    return [haproxy.at('HAPROXY_FILTER_MISSING', header ?? { number: 1, words: [] }, header?.words[1], message)]
  }
  return proxies.flatMap((proxy) => [...failOpen(input, proxy), ...uniqueId(input, proxy)])
}

/** Without a format `unique-id` is empty, and the agent names the request itself: logs and workflows no longer agree. */
function uniqueId(input: LintInput, proxy: Section): Finding[] {
  const { haproxy, main } = input
  if (main === undefined) return []
  const sending = main.messages.find(({ name }) => {
    const { event, calls } = waysOf(main, name, haproxy)
    const message = messageOf(main, name)
    const sends = message !== undefined && argumentsOf(message).some(({ fetch }) => fetch === 'unique-id')
    return sends && (event || calls.length > 0)
  })
  if (sending === undefined) return []
  const format = inheritedLines(haproxy, proxy, 'unique-id-format').at(-1)
  if (format !== undefined) return notUnique(input, format)
  const message = `"${proxy.name}" has no "unique-id-format", but the message "${sending.name}" sends id=unique-id`
  return [
    fixedBy(
      warning(haproxy.at('HAPROXY_UNIQUE_ID_MISSING', proxy.header, proxy.header.words[1], message)),
      newLine(
        { file: haproxy, section: proxy, below: linesOf(proxy, 'bind').at(-1) },
        'unique-id-format',
        '%{+X}o\\ %Ts-%[uuid]',
      ),
    ),
  ]
}

/** Fetches and fields of the log format that HAProxy makes anew for each request, and variables, of which nobody knows here. */
const OF_ITS_OWN = /\b(?:uuid|rand|txn\.id32|var)\b|%(?:\{[^}]*\})?rt\b/

/**
 * Requests with one id are one request to the agent: of events the second counts as a repetition, and what may be used
 * once may be used again with it. So clients must not choose it (a header of theirs).
 */
function notUnique({ haproxy }: LintInput, format: Line): Finding[] {
  const [, ...words] = format.words.map(({ text }) => text)
  if (OF_ITS_OWN.test(words.join(' '))) return []
  const message = 'nothing in the format differs for each request: two requests may have one id, or clients choose it'
  return [warning(haproxy.at('HAPROXY_UNIQUE_ID_COMMON', format, format.words[1], message))]
}
