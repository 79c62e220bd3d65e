import { parseDuration } from '../config/duration.ts'
import type { Problem } from '../config/problem.ts'
import { VARIABLE_PREFIX } from '../rules/variables.ts'
import { linesOf, type Section } from './haproxy-file.ts'
import { type LintInput, spoeAgent, warning } from './input.ts'

/** The spoe-agent section of spoe.conf: the deadline, and the options that the agent or haproxy.cfg count on. */
export function agentSection(input: LintInput): Problem[] {
  const agent = spoeAgent(input.spoe)
  return agent === undefined ? [] : [...deadline(input, agent), ...prefix(input, agent), ...options(input, agent)]
}

function deadline({ loaded: { config, document }, spoe }: LintInput, agent: Section): Problem[] {
  const line = linesOf(agent, 'timeout', 'processing').at(-1)
  if (line === undefined) {
    const message = 'there is no "timeout processing": HAProxy would wait for ever'
    return [spoe.at('SPOE_DEADLINE', agent.header, agent.header.words[1], message, 'Add "timeout processing 50ms".')]
  }
  const ms = haproxyDuration(line.words[2]?.text ?? '')
  if (ms === undefined || ms > config.spop.deadline) return []
  const message = `the agent answers within ${config.spop.deadline}ms, but ${spoe.file}:${line.number} lets HAProxy stop waiting after ${ms}ms`
  return [document.atValue('SPOE_DEADLINE', ['spop', 'deadline'], message)]
}

/** HAProxy reads a number without a unit as milliseconds. */
function haproxyDuration(text: string): number | undefined {
  return parseDuration(/^\d+$/.test(text) ? `${text}ms` : text)
}

function prefix({ spoe }: LintInput, agent: Section): Problem[] {
  const line = linesOf(agent, 'option', 'var-prefix').at(-1)
  if (line === undefined) {
    // Without the option the prefix is the name of the agent.
    if (agent.name === VARIABLE_PREFIX) return []
    const message = `there is no "option var-prefix": variables would be txn.${agent.name}.…, not txn.${VARIABLE_PREFIX}.…`
    return [spoe.at('SPOE_VAR_PREFIX', agent.header, agent.header.words[1], message)]
  }
  const given = line.words[2]
  if (given?.text === VARIABLE_PREFIX) return []
  const message = `variables would be txn.${given?.text ?? ''}.…, not txn.${VARIABLE_PREFIX}.…`
  return [spoe.at('SPOE_VAR_PREFIX', line, given ?? line.words[1], message)]
}

const OPTIONS = [
  {
    words: ['option', 'set-on-error'],
    message: 'there is no "option set-on-error": nothing would tell why a request was refused when the agent is silent',
    hint: 'Add "option set-on-error error".',
  },
  {
    words: ['no', 'option', 'send-frag-payload'],
    message:
      'there is no "no option send-frag-payload": up to HAProxy 3.0 a request too large for one frame would make every connection reconnect',
    hint: 'Add "no option send-frag-payload".',
  },
]

function options({ spoe }: LintInput, agent: Section): Problem[] {
  return OPTIONS.filter(({ words }) => linesOf(agent, ...words).length === 0).map(({ message, hint }) =>
    warning(spoe.at('SPOE_OPTION_MISSING', agent.header, agent.header.words[1], message, hint)),
  )
}
