import { suggest } from '../config/suggest.ts'
import { type Finding, warning } from './finding.ts'
import { linesOf } from './haproxy-file.ts'
import type { LintInput } from './input.ts'

const KEYWORDS = ['args', 'event', 'acl']

/** What HAProxy takes in any spoe-message without a word. */
export function messages({ spoe }: LintInput): Finding[] {
  return spoe.sectionsOf('spoe-message').flatMap((section) => [
    ...linesOf(section, 'event')
      .slice(0, -1)
      .map((line) => {
        const message = `the message "${section.name}" has another event below, and HAProxy takes the last one only`
        return warning(spoe.at('SPOE_EVENT_TWICE', line, line.words[1], message))
      }),
    // HAProxy takes `evnt` and `arggs` without a word.
    ...section.lines.flatMap((line) => {
      const [keyword] = line.words
      if (keyword === undefined || KEYWORDS.includes(keyword.text)) return []
      const close = suggest(keyword.text, KEYWORDS)
      const hint = close === undefined ? undefined : `Did you mean "${close}"?`
      const message = `HAProxy ignores this line: "${keyword.text}" is no keyword of a spoe-message`
      return [warning(spoe.at('SPOE_UNKNOWN_KEYWORD', line, keyword, message, hint))]
    }),
  ])
}
