import type { Problem } from '../config/problem.ts'
import { CHECK_ARGUMENTS, type ExtraArgument, extraArguments } from '../evidence.ts'
import { identityOf } from '../identity/from-config.ts'
import { linesOf, type Section } from './haproxy-file.ts'
import { type LintInput, spoeAgent, texts, warning } from './input.ts'
import { argumentsOf, messageSection } from './messages.ts'

const SILENT = { info() {}, warn() {}, error() {} }

/**
 * What the providers of agent.yaml read of a request, and whether spoe.conf sends it. A credential that is not sent is not
 * there: callers are refused, and nobody knows why.
 */
export function credentials({ loaded, spoe }: LintInput): Problem[] {
  const parts = identityOf(loaded.config, SILENT)
  parts.close()
  const { check, body } = extraArguments(parts.authenticator.needs)
  const plain = messageSection(spoe, 'check')
  const problems = plain === undefined ? [] : wanted(spoe, plain, check)
  if (body.length === 0) return problems
  const agent = spoeAgent(spoe)
  const withBody = messageSection(spoe, 'check_body')
  const sent = spoe
    .sectionsOf('spoe-group')
    .some((group) => linesOf(group, 'messages').some((line) => texts(line.words).includes('check_body')))
  if (withBody === undefined || !sent) {
    if (agent === undefined) return problems
    const message = 'a provider reads bodies, but no spoe-group sends a message "check_body"'
    const hint = 'Webhooks need a message of their own: see docs/identity/webhooks.md.'
    return [...problems, spoe.at('SPOE_MESSAGE_MISSING', agent.header, agent.header.words[1], message, hint)]
  }
  const always = Object.keys(CHECK_ARGUMENTS).map((name) => ({ name, fetch: '', type: 'any' as const }))
  return [...problems, ...wanted(spoe, withBody, [...always, ...body])]
}

function wanted(spoe: LintInput['spoe'], section: Section, needed: readonly ExtraArgument[]): Problem[] {
  const given = new Map(argumentsOf(section).map((argument) => [argument.name, argument]))
  return needed.flatMap(({ name, fetch }) => {
    const argument = given.get(name)
    if (argument === undefined) {
      const message = `the message "${section.name}" lacks the argument "${name}", which a provider needs`
      const hint = fetch === '' ? 'Send what the message "check" sends.' : `Add "args ${name}=${fetch}".`
      return [spoe.at('SPOE_ARGUMENT_MISSING', section.header, section.header.words[1], message, hint)]
    }
    if (fetch === '' || argument.fetch.toLowerCase() === fetch) return []
    const message = `the argument "${name}" is fetched with "${argument.fetch}"`
    const hint = `Write "${name}=${fetch}": other fetches split the field, or hide a second one.`
    return [warning(spoe.at('SPOE_ARGUMENT_FETCH', argument.line, argument.word, message, hint))]
  })
}
