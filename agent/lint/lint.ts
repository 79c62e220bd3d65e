import { CHECK_ARGUMENTS } from '../check.ts'
import type { LoadedConfig } from '../config/load.ts'
import { parseDuration } from '../config/duration.ts'
import type { Problem } from '../config/problem.ts'
import { suggest } from '../config/suggest.ts'
import { OUTCOME_ARGUMENTS } from '../outcome.ts'
import { VARIABLE_PREFIX, VARIABLES } from '../rules/variables.ts'
import { HaproxyFile, linesOf, type Section } from './haproxy-file.ts'

export interface LintInput {
  readonly loaded: LoadedConfig
  readonly haproxy: HaproxyFile
  readonly spoe: HaproxyFile
}

/** What each file may say by itself, but not beside the others. HAProxy is silent about every one of these. */
export function lint(input: LintInput): Problem[] {
  return [...routes(input), ...deadline(input), ...messages(input), ...variables(input)]
}

function routes({ loaded: { config, document }, haproxy }: LintInput): Problem[] {
  const backends = haproxy.sectionsOf('backend', 'listen').map((section) => section.name)
  return config.rules.flatMap(({ route, name }, i) => {
    if (route === undefined || backends.includes(route)) return []
    const close = suggest(route, backends)
    const hint = close === undefined ? undefined : `Did you mean "${close}"?`
    const message = `rule "${name}" routes to "${route}", which is no backend of ${haproxy.file}: HAProxy would use the default backend`
    return [
      document.atValue('HAPROXY_BACKEND_MISSING', ['rules', i, 'route'], message, hint === undefined ? {} : { hint }),
    ]
  })
}

/** HAProxy reads a number without a unit as milliseconds. */
function haproxyDuration(text: string): number | undefined {
  return parseDuration(/^\d+$/.test(text) ? `${text}ms` : text)
}

function deadline({ loaded: { config, document }, spoe }: LintInput): Problem[] {
  return spoe.sectionsOf('spoe-agent').flatMap((agent) => {
    const line = linesOf(agent, 'timeout', 'processing').at(-1)
    if (line === undefined) {
      return [
        spoe.at(
          'SPOE_DEADLINE',
          agent.header,
          agent.header.words[1],
          'there is no "timeout processing": HAProxy would wait for ever',
          'Add "timeout processing 50ms".',
        ),
      ]
    }
    const ms = haproxyDuration(line.words[2]?.text ?? '')
    if (ms === undefined || ms > config.spop.deadline) return []
    const message = `the agent answers within ${config.spop.deadline}ms, but ${spoe.file}:${line.number} lets HAProxy stop waiting after ${ms}ms`
    return [document.atValue('SPOE_DEADLINE', ['spop', 'deadline'], message)]
  })
}

const MESSAGES = { check: CHECK_ARGUMENTS, outcome: OUTCOME_ARGUMENTS }

function messages({ spoe }: LintInput): Problem[] {
  const agent = spoe.sectionsOf('spoe-agent')[0]
  if (agent === undefined) {
    return [spoe.at('SPOE_MESSAGE_MISSING', { number: 1, words: [] }, undefined, 'there is no spoe-agent in this file')]
  }
  const sent = linesOf(agent, 'messages').flatMap((line) => line.words.slice(1).map((word) => word.text))
  return Object.entries(MESSAGES).flatMap(([name, args]) => {
    const section = spoe.sectionsOf('spoe-message').find((candidate) => candidate.name === name)
    if (section === undefined || !sent.includes(name)) {
      // Without outcomes the agent decides all the same; without checks it does nothing.
      return name === 'check'
        ? [spoe.at('SPOE_MESSAGE_MISSING', agent.header, agent.header.words[1], `the message "${name}" is never sent`)]
        : []
    }
    return messageProblems(spoe, section, Object.keys(args))
  })
}

function messageProblems(spoe: HaproxyFile, section: Section, wanted: readonly string[]): Problem[] {
  const problems: Problem[] = []
  const given = linesOf(section, 'args').flatMap((line) =>
    line.words.slice(1).map((word) => word.text.split('=', 1)[0] ?? ''),
  )
  if (linesOf(section, 'event').length === 0) {
    problems.push(
      spoe.at(
        'SPOE_MESSAGE_MISSING',
        section.header,
        section.header.words[1],
        `the message "${section.name}" has no event, so HAProxy never sends it`,
      ),
    )
  }
  for (const name of wanted) {
    if (given.includes(name)) continue
    problems.push(
      spoe.at(
        'SPOE_ARGUMENT_MISSING',
        section.header,
        section.header.words[1],
        `the message "${section.name}" lacks the argument "${name}"`,
      ),
    )
  }
  return problems
}

/** HAProxy sets only the variables it knows: those that haproxy.cfg names somewhere, and the registered ones. */
function variables({ loaded: { config, document }, haproxy, spoe }: LintInput): Problem[] {
  const agents = spoe.sectionsOf('spoe-agent')
  if (agents.some((agent) => linesOf(agent, 'option', 'force-set-var').length > 0)) return []
  const registered = new Set(
    agents.flatMap((agent) =>
      linesOf(agent, 'register-var-names').flatMap((line) => line.words.slice(1).map((word) => word.text)),
    ),
  )
  const known = (name: string): boolean =>
    registered.has(name) ||
    haproxy.text.includes(`txn.${VARIABLE_PREFIX}.${name}`) ||
    spoe.text.includes(`txn.${VARIABLE_PREFIX}.${name}`)
  const own = VARIABLES.filter((name) => !known(name)).flatMap((name) =>
    agents
      .slice(0, 1)
      .map((agent) =>
        spoe.at(
          'SPOE_VARIABLE_UNREGISTERED',
          agent.header,
          agent.header.words[1],
          `the agent sets "${name}", which HAProxy does not know`,
        ),
      ),
  )
  const set = config.rules.flatMap((rule, i) =>
    Object.keys(rule.set)
      .filter((name) => !known(name))
      .map((name) =>
        document.atKey(
          'SPOE_VARIABLE_UNREGISTERED',
          ['rules', i, 'set'],
          name,
          `rule "${rule.name}" sets "${name}", which HAProxy does not know`,
        ),
      ),
  )
  return [...own, ...set]
}
