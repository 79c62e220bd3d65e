import { type Finding, warning } from './finding.ts'
import { inheritedLines, linesOf, type Section } from './haproxy-file.ts'
import type { LintInput } from './input.ts'

const ENDS = /^(?:deny|return|reject|tarpit|silent-drop|redirect)$/

/** Frontends that lead to the same servers without asking. */
export function unasked({ haproxy, asking, loaded: { config } }: LintInput): Finding[] {
  if (asking.length === 0) return []
  const behind = new Set([
    ...asking.flatMap(leadsTo),
    ...config.rules.flatMap(({ route: name }) => (name === undefined ? [] : [name])),
  ])
  return haproxy.sectionsOf('frontend', 'listen').flatMap((frontend) => {
    const isAsked = asking.includes(frontend) || linesOf(frontend, 'filter', 'spoe').length > 0
    const ends = linesOf(frontend, 'http-request').some(
      ({ words }) => ENDS.test(words[1]?.text ?? '') && !words.some(({ text }) => text === 'if' || text === 'unless'),
    )
    const mode = inheritedLines(haproxy, frontend, 'mode').at(-1)?.words[1]?.text
    if (isAsked || ends || mode !== 'http') return []
    const shared = leadsTo(frontend).find((name) => behind.has(name))
    if (shared === undefined) return []
    const message = `"${frontend.name}" leads to the backend "${shared}" without asking the agent`
    return [warning(haproxy.at('HAPROXY_FRONTEND_UNASKED', frontend.header, frontend.header.words[1], message))]
  })
}

function leadsTo(frontend: Section): string[] {
  return [...linesOf(frontend, 'default_backend'), ...linesOf(frontend, 'use_backend')].flatMap(
    ({ words }) => words[1]?.text ?? [],
  )
}
