import { VARIABLE_PREFIX, VARIABLES } from '../rules/variables.ts'
import { texts } from './engines.ts'
import { type Finding, fixedBy, moreWords, warning } from './finding.ts'
import { linesOf, type Line } from './haproxy-file.ts'
import { type LintInput, refersTo } from './input.ts'
import { setByConfig } from './set-variables.ts'

/** HAProxy skips longer names without a word: scope, prefix and name with their dots. */
const LONGEST = 63

/** HAProxy sets only the variables it knows: those that haproxy.cfg names somewhere, and the registered ones. */
export function variables(input: LintInput): Finding[] {
  return [...unregistered(input), ...tooLong(input)]
}

function unregistered({ loaded, haproxy, spoe, main }: LintInput): Finding[] {
  const agents = spoe.sectionsOf('spoe-agent')
  if (main === undefined || agents.some((agent) => linesOf(agent, 'option', 'force-set-var').length > 0)) return []
  const { agent } = main
  const registered = new Set(agents.flatMap((section) => linesOf(section, 'register-var-names').flatMap(texts)))
  const words = [haproxy, spoe].flatMap((file) =>
    file.sections.flatMap((section) => section.lines.flatMap((line) => line.words)),
  )
  const unknown = (name: string): boolean => !registered.has(name) && !refersTo(words, name)
  const below = linesOf(agent, 'register-var-names').at(-1) ?? linesOf(agent, 'option', 'var-prefix').at(-1)
  const fixed = (found: Finding, name: string): Finding =>
    fixedBy(found, moreWords({ file: spoe, section: agent, below }, 'register-var-names', name))
  const own = VARIABLES.filter(unknown).map((name) => {
    const message = `the agent sets "${name}", which HAProxy does not know`
    return fixed(spoe.at('SPOE_VARIABLE_UNREGISTERED', agent.header, agent.header.words[1], message), name)
  })
  const configured = setByConfig(loaded)
    .filter(({ name }) => unknown(name))
    .map(({ name, path, who }) => {
      const message = `${who} sets "${name}", which HAProxy does not know`
      return fixed(loaded.document.atKey('SPOE_VARIABLE_UNREGISTERED', path, name, message), name)
    })
  return [...own, ...configured]
}

function tooLong({ loaded, spoe, ours }: LintInput): Finding[] {
  const isLong = (name: string): boolean => Buffer.byteLength(`txn.${VARIABLE_PREFIX}.${name}`) > LONGEST
  const message = (name: string): string =>
    `"txn.${VARIABLE_PREFIX}.${name}" has more than ${LONGEST} bytes: HAProxy would never set it`
  const configured = setByConfig(loaded)
    .filter(({ name }) => isLong(name))
    .map(({ name, path }) => loaded.document.atKey('SPOE_VARIABLE_LENGTH', path, name, message(name)))
  const named = (line: Line): readonly Finding[] =>
    line.words
      .slice(line.words[0]?.text === 'option' ? 2 : 1)
      .filter(({ text }) => isLong(text))
      .map((word) => spoe.at('SPOE_VARIABLE_LENGTH', line, word, message(word.text)))
  const written = ours.flatMap(({ agent }) =>
    [['register-var-names'], ['option', 'set-on-error'], ['option', 'set-process-time'], ['option', 'set-total-time']]
      .flatMap((words) => linesOf(agent, ...words))
      .flatMap(named),
  )
  return [...configured, ...written].map(warning)
}
