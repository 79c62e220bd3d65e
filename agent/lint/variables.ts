import type { Problem } from '../config/problem.ts'
import { VARIABLES } from '../rules/variables.ts'
import { linesOf } from './haproxy-file.ts'
import { type LintInput, refersTo, spoeAgent, texts } from './input.ts'

/** HAProxy sets only the variables it knows: those that haproxy.cfg names somewhere, and the registered ones. */
export function variables({ loaded, haproxy, spoe }: LintInput): Problem[] {
  const { config, document } = loaded
  const agents = spoe.sectionsOf('spoe-agent')
  if (agents.some((agent) => linesOf(agent, 'option', 'force-set-var').length > 0)) return []
  const registered = new Set(
    agents.flatMap((agent) => linesOf(agent, 'register-var-names').flatMap((line) => texts(line.words.slice(1)))),
  )
  const words = [haproxy, spoe].flatMap((file) =>
    file.sections.flatMap((section) => section.lines.flatMap((line) => line.words)),
  )
  const unknown = (name: string): boolean => !registered.has(name) && !refersTo(words, name)
  const agent = spoeAgent(spoe)
  const own =
    agent === undefined
      ? []
      : VARIABLES.filter(unknown).map((name) => {
          const message = `the agent sets "${name}", which HAProxy does not know`
          return spoe.at('SPOE_VARIABLE_UNREGISTERED', agent.header, agent.header.words[1], message)
        })
  const set = config.rules.flatMap((rule, i) =>
    Object.keys(rule.set)
      .filter(unknown)
      .map((name) => {
        const message = `rule "${rule.name}" sets "${name}", which HAProxy does not know`
        return document.atKey('SPOE_VARIABLE_UNREGISTERED', ['rules', i, 'set'], name, message)
      }),
  )
  return [...own, ...set, ...mapped(loaded, unknown)]
}

/** What providers map claims to. */
function mapped({ config, document }: LintInput['loaded'], unknown: (name: string) => boolean): Problem[] {
  return Object.entries(config.identity.providers).flatMap(([provider, settings]) => {
    const claims: object = ('claims' in settings ? settings.claims : undefined) ?? {}
    const variables: unknown = 'variables' in claims ? claims.variables : undefined
    if (typeof variables !== 'object' || variables === null) return []
    return Object.keys(variables)
      .filter(unknown)
      .map((name) => {
        const message = `provider "${provider}" sets "${name}", which HAProxy does not know`
        const path = ['identity', 'providers', provider, 'claims', 'variables']
        return document.atKey('SPOE_VARIABLE_UNREGISTERED', path, name, message)
      })
  })
}
