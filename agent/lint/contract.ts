import { VARIABLE_PREFIX } from '../rules/variables.ts'
import { type Engine, eventOf, messageOf, messagesOf, waysOf } from './engines.ts'
import { type Finding, fixedBy, moreWords, warning } from './finding.ts'
import { linesOf, type Section } from './haproxy-file.ts'
import { conditionOf, type LintInput } from './input.ts'
import { argumentsOf } from './message-arguments.ts'
import { type NeededArgument, type NeededMessage, neededMessages } from './needs.ts'

/**
 * What the agent must be told, and whether spoe.conf tells it. A fact or a credential that is not sent is not there:
 * callers are refused, and nobody knows why.
 */
export function contract(input: LintInput): Finding[] {
  const { main, ours, spoe } = input
  if (main === undefined) {
    return [spoe.at('SPOE_MESSAGE_MISSING', { number: 1, words: [] }, undefined, 'there is no spoe-agent in this file')]
  }
  return neededMessages(input).flatMap((wanted) => [
    ...unsent(input, main, wanted),
    ...ours.flatMap((engine) => {
      const section = messageOf(engine, wanted.name)
      if (section === undefined || !isSent(input, engine, wanted.name)) return []
      const atSession = isAtSession(engine, section)
      return [...event(input, engine, section, wanted), ...lacking(input, section, wanted.needed, atSession)]
    }),
  ])
}

function isSent({ haproxy }: LintInput, engine: Engine, name: string): boolean {
  const { event: byEvent, calls } = waysOf(engine, name, haproxy)
  return byEvent || calls.length > 0
}

/** Whether it is the first question: one that depends on an answer is put again at best. */
function asksFirst({ haproxy }: LintInput, engine: Engine, name: string): boolean {
  const { event: byEvent, calls } = waysOf(engine, name, haproxy)
  return byEvent || calls.some(({ line }) => !conditionOf(line).some(({ text }) => ANSWER.test(text)))
}

const ANSWER = new RegExp(`\\btxn\\.${VARIABLE_PREFIX}\\.`)

function unsent(input: LintInput, main: Engine, { name, required, missing, hint }: NeededMessage): Finding[] {
  if (!required || input.ours.some((engine) => asksFirst(input, engine, name))) return []
  const { spoe } = input
  const section = messageOf(main, name)
  if (section !== undefined && messagesOf(main.agent).includes(name)) {
    const message = `the message "${name}" has no event, so HAProxy never sends it`
    return [spoe.at('SPOE_MESSAGE_MISSING', section.header, section.header.words[1], message)]
  }
  const { header } = main.agent
  const message = missing ?? `the message "${name}" is never sent`
  return [spoe.at('SPOE_MESSAGE_MISSING', header, header.words[1], message, hint)]
}

function event({ spoe }: LintInput, { agent }: Engine, section: Section, wanted: NeededMessage): Finding[] {
  const line = messagesOf(agent).includes(section.name) ? eventOf(section) : undefined
  const given = line?.words[1]
  if (line === undefined || wanted.event === undefined || given?.text === wanted.event) return []
  const message = `the message "${section.name}" is sent at "${given?.text ?? ''}", not at "${wanted.event}"`
  return [warning(spoe.at('SPOE_EVENT', line, given, message))]
}

/** A message that asks for more than the address then is left out as a whole, with a warning at the start of HAProxy. */
function isAtSession({ agent }: Engine, section: Section): boolean {
  return messagesOf(agent).includes(section.name) && eventOf(section)?.words[1]?.text === SESSION
}

const SESSION = 'on-client-session'

function lacking(
  { spoe }: LintInput,
  section: Section,
  needed: readonly NeededArgument[],
  atSession: boolean,
): Finding[] {
  const given = new Map(argumentsOf(section).map((argument) => [argument.name, argument]))
  return needed.flatMap(({ name, fetch, accepts, by, notYet = false }): Finding[] => {
    const argument = given.get(name)
    if (argument === undefined) {
      // Nobody misses it.
      if (atSession && notYet && by === undefined) return []
      const why = by === undefined ? '' : `, which ${by} needs`
      const message = `the message "${section.name}" lacks the argument "${name}"${why}`
      if (atSession && notYet) {
        const later = `HAProxy cannot send it at "${SESSION}": ask by a group, as docs/recipes/tcp.md does.`
        return [spoe.at('SPOE_ARGUMENT_MISSING', section.header, section.header.words[1], message, later)]
      }
      const hint = `Add "args ${name}=${fetch}".`
      return [
        fixedBy(
          spoe.at('SPOE_ARGUMENT_MISSING', section.header, section.header.words[1], message, hint),
          moreWords({ file: spoe, section, below: linesOf(section, 'args').at(-1) }, 'args', `${name}=${fetch}`),
        ),
      ]
    }
    if (accepts?.test(argument.fetch) !== false) return []
    const message = `the argument "${name}" is fetched with "${argument.fetch}"`
    const hint = `Write "${name}=${fetch}": other fetches split the field, or hide a second one.`
    return [warning(spoe.at('SPOE_ARGUMENT_FETCH', argument.line, argument.word, message, hint))]
  })
}
