import { argumentsOf } from './message-arguments.ts'
import { type Finding, warning } from './finding.ts'
import type { LintInput } from './input.ts'

/** `nb-args` of a message is one byte, and HAProxy does not look whether it suffices. */
const MOST = 255

/** What HAProxy takes of `args`, though nobody can make use of it. */
export function messageArguments({ ours, spoe }: LintInput): Finding[] {
  return ours
    .flatMap(({ messages }) => messages)
    .flatMap((message) => {
      const given = argumentsOf(message)
      const seen = new Set<string>()
      const found: Finding[] = []
      for (const { name, fetch, line, word } of given) {
        if (name === '') {
          const text = `"${fetch}" has no name, and the agent knows arguments by nothing else`
          found.push(warning(spoe.at('SPOE_ARGUMENT_UNNAMED', line, word, text, `Write "name=${fetch}".`)))
        } else if (seen.has(name)) {
          const text = `the argument "${name}" stands twice in the message "${message.name}"`
          found.push(warning(spoe.at('SPOE_ARGUMENT_TWICE', line, word, text)))
        }
        seen.add(name)
      }
      const first = given[MOST]
      if (first !== undefined) {
        const text = `the message "${message.name}" has ${given.length} arguments: HAProxy counts up to ${MOST} only`
        found.push(spoe.at('SPOE_ARGUMENT_COUNT', first.line, first.word, text))
      }
      return found
    })
}
