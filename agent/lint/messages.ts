import type { Problem } from '../config/problem.ts'
import { suggest } from '../config/suggest.ts'
import { CHECK_ARGUMENTS } from '../evidence.ts'
import { OUTCOME_ARGUMENTS } from '../outcome.ts'
import { type HaproxyFile, type Line, linesOf, type Section, type Word } from './haproxy-file.ts'
import { type LintInput, messagesOf, spoeAgent, warning } from './input.ts'

const MESSAGES = { check: CHECK_ARGUMENTS, outcome: OUTCOME_ARGUMENTS }
const KEYWORDS = ['args', 'event', 'acl']
const CHECK_EVENT = 'on-frontend-http-request'

/** Fetches that see a second Authorization header; any other one hides it, or splits the value at its commas. */
const FETCHES: ReadonlyMap<string, RegExp> = new Map([
  ['auth', /^req\.fhdr\(authorization(?:,-?1)?\)$/i],
  ['auth_count', /^req\.fhdr_cnt\(authorization\)$/i],
])

/** The spoe-message sections of spoe.conf: what the agent is told, and when. */
export function messages({ spoe }: LintInput): Problem[] {
  const agent = spoeAgent(spoe)
  if (agent === undefined) {
    return [spoe.at('SPOE_MESSAGE_MISSING', { number: 1, words: [] }, undefined, 'there is no spoe-agent in this file')]
  }
  const sent = messagesOf(agent)
  return [
    ...Object.entries(MESSAGES).flatMap(([name, args]) => {
      const section = messageSection(spoe, name)
      if (section === undefined || !sent.includes(name)) {
        // Without outcomes the agent decides all the same; without checks it does nothing.
        const message = `the message "${name}" is never sent`
        return name === 'check' ? [spoe.at('SPOE_MESSAGE_MISSING', agent.header, agent.header.words[1], message)] : []
      }
      return [...events(spoe, section), ...missing(spoe, section, Object.keys(args)), ...fetches(spoe, section)]
    }),
    ...keywords(spoe),
  ]
}

export function messageSection(spoe: HaproxyFile, name: string): Section | undefined {
  return spoe.sectionsOf('spoe-message').find((section) => section.name === name)
}

/** An argument of a message, `name=fetch`. */
export interface Argument {
  readonly name: string
  readonly fetch: string
  readonly line: Line
  readonly word: Word
}

export function argumentsOf(section: Section): Argument[] {
  return linesOf(section, 'args').flatMap((line) =>
    line.words.slice(1).map((word) => {
      const [name = '', ...fetch] = word.text.split('=')
      return { name, fetch: fetch.join('='), line, word }
    }),
  )
}

function events(spoe: HaproxyFile, section: Section): Problem[] {
  const lines = linesOf(section, 'event')
  if (lines.length === 0) {
    const message = `the message "${section.name}" has no event, so HAProxy never sends it`
    return [spoe.at('SPOE_MESSAGE_MISSING', section.header, section.header.words[1], message)]
  }
  if (section.name !== 'check') return []
  return lines.flatMap((line) => {
    const event = line.words[1]
    if (event?.text === CHECK_EVENT) return []
    const message = `the message "check" is sent at "${event?.text ?? ''}", not at "${CHECK_EVENT}"`
    return [warning(spoe.at('SPOE_EVENT', line, event, message))]
  })
}

function missing(spoe: HaproxyFile, section: Section, wanted: readonly string[]): Problem[] {
  const given = argumentsOf(section).map(({ name }) => name)
  return wanted
    .filter((name) => !given.includes(name))
    .map((name) =>
      spoe.at(
        'SPOE_ARGUMENT_MISSING',
        section.header,
        section.header.words[1],
        `the message "${section.name}" lacks the argument "${name}"`,
      ),
    )
}

function fetches(spoe: HaproxyFile, section: Section): Problem[] {
  if (section.name !== 'check') return []
  return argumentsOf(section).flatMap(({ name, fetch, line, word }) => {
    if (FETCHES.get(name)?.test(fetch) !== false) return []
    return [warning(spoe.at('SPOE_ARGUMENT_FETCH', line, word, `the argument "${name}" is fetched with "${fetch}"`))]
  })
}

/** HAProxy takes `evnt` and `arggs` without a word. */
function keywords(spoe: HaproxyFile): Problem[] {
  return spoe.sectionsOf('spoe-message').flatMap((section) =>
    section.lines.flatMap((line) => {
      const [keyword] = line.words
      // `.if` and its kind belong to no section.
      if (keyword === undefined || keyword.text.startsWith('.') || KEYWORDS.includes(keyword.text)) return []
      const close = suggest(keyword.text, KEYWORDS)
      const hint = close === undefined ? undefined : `Did you mean "${close}"?`
      const message = `HAProxy ignores this line: "${keyword.text}" is no keyword of a spoe-message`
      return [warning(spoe.at('SPOE_UNKNOWN_KEYWORD', line, keyword, message, hint))]
    }),
  )
}
