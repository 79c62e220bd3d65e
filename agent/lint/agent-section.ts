import { VARIABLE_PREFIX } from '../rules/variables.ts'
import { type Engine, eventOf, groupCalls, messageOf, messagesOf } from './engines.ts'
import { type Finding, fixedBy, newLine, warning } from './finding.ts'
import { linesOf } from './haproxy-file.ts'
import type { LintInput } from './input.ts'
import { processingLine, toMs } from './timeouts.ts'

/** The spoe-agent sections of spoe.conf: deadlines, and the options that the agent or haproxy.cfg count on. */
export function agentSection(input: LintInput): Finding[] {
  const { main, ours } = input
  if (main === undefined) return []
  return [
    ...deadline(input, main),
    ...ours.flatMap((engine) =>
      [processing, timeouts, prefix, options, ignored].flatMap((topic) => topic(input, engine)),
    ),
  ]
}

function deadline({ loaded: { config, document }, spoe }: LintInput, engine: Engine): Finding[] {
  const line = processingLine(engine)
  const ms = toMs(line?.words[2]?.text)
  if (line === undefined || ms === undefined || ms === 0 || ms > config.spop.deadline) return []
  const message = `the agent answers within ${config.spop.deadline}ms, but ${spoe.file}:${line.number} lets HAProxy stop waiting after ${ms}ms`
  return [document.atValue('SPOE_DEADLINE', ['spop', 'deadline'], message)]
}

function processing({ loaded: { config }, spoe }: LintInput, { agent }: Engine): Finding[] {
  const line = processingLine({ agent })
  const message = 'there is no "timeout processing": HAProxy would wait for ever'
  if (line === undefined) {
    const value = `${config.spop.deadline + 10}ms`
    const hint = `Add "timeout processing ${value}".`
    return [
      fixedBy(
        spoe.at('SPOE_DEADLINE', agent.header, agent.header.words[1], message, hint),
        newLine(
          { file: spoe, section: agent, below: linesOf(agent, 'timeout').at(-1) },
          'timeout',
          'processing',
          value,
        ),
      ),
    ]
  }
  if (toMs(line.words[2]?.text) !== 0) return []
  return [spoe.at('SPOE_DEADLINE', line, line.words[2], '"timeout processing 0" is none: HAProxy would wait for ever')]
}

const UNTIL_3_0 = [
  ['hello', '1s'],
  ['idle', '2m'],
] as const

function timeouts({ spoe, maybeOld }: LintInput, { agent }: Engine): Finding[] {
  if (!maybeOld) return []
  return UNTIL_3_0.filter(([kind]) => linesOf(agent, 'timeout', kind).length === 0).map(([kind, value]) => {
    const message = `there is no "timeout ${kind}", which HAProxy up to 3.0 needs`
    const hint = `Add "timeout ${kind} ${value}"; later versions ignore it.`
    return fixedBy(
      warning(spoe.at('SPOE_TIMEOUT_MISSING', agent.header, agent.header.words[1], message, hint)),
      newLine({ file: spoe, section: agent, below: linesOf(agent, 'timeout').at(-1) }, 'timeout', kind, value),
    )
  })
}

function prefix({ spoe }: LintInput, { agent }: Engine): Finding[] {
  const line = linesOf(agent, 'option', 'var-prefix').at(-1)
  if (line === undefined) {
    // Without the option the prefix is the name of the agent.
    if (agent.name === VARIABLE_PREFIX) return []
    const message = `there is no "option var-prefix": variables would be txn.${agent.name}.…, not txn.${VARIABLE_PREFIX}.…`
    return [
      fixedBy(
        spoe.at('SPOE_VAR_PREFIX', agent.header, agent.header.words[1], message),
        newLine({ file: spoe, section: agent }, 'option', 'var-prefix', VARIABLE_PREFIX),
      ),
    ]
  }
  const given = line.words[2]
  if (given?.text === VARIABLE_PREFIX) return []
  const message = `variables would be txn.${given?.text ?? ''}.…, not txn.${VARIABLE_PREFIX}.…`
  return [spoe.at('SPOE_VAR_PREFIX', line, given ?? line.words[1], message)]
}

interface WantedOption {
  readonly words: readonly [keyword: string, ...rest: string[]]
  /** What the words begin with where any value will do. */
  readonly any: readonly string[]
  readonly message: string
  readonly applies: (input: LintInput, engine: Engine) => boolean
}

const OPTIONS: readonly WantedOption[] = [
  {
    words: ['option', 'set-on-error', 'error'],
    any: ['option', 'set-on-error'],
    message: 'there is no "option set-on-error": nothing would tell why a request was refused when the agent is silent',
    applies: () => true,
  },
  {
    words: ['no', 'option', 'send-frag-payload'],
    any: ['no', 'option', 'send-frag-payload'],
    message:
      'there is no "no option send-frag-payload": up to HAProxy 3.0 a request too large for one frame would make every connection reconnect',
    applies: ({ maybeOld }) => maybeOld,
  },
  {
    words: ['option', 'continue-on-error'],
    any: ['option', 'continue-on-error'],
    message:
      'there is no "option continue-on-error": after one error HAProxy sends nothing more for that request, so later messages and groups never come',
    applies: sendsMoreThanOnce,
  },
]

function options(input: LintInput, engine: Engine): Finding[] {
  const { agent } = engine
  const { spoe } = input
  const missing = OPTIONS.filter(
    ({ any, applies }) => linesOf(agent, ...any).length === 0 && applies(input, engine),
  ).map(({ words, message }) => {
    const found = spoe.at(
      'SPOE_OPTION_MISSING',
      agent.header,
      agent.header.words[1],
      message,
      `Add "${words.join(' ')}".`,
    )
    return fixedBy(
      warning(found),
      newLine({ file: spoe, section: agent, below: linesOf(agent, 'option').at(-1) }, ...words),
    )
  })
  const unpiped = linesOf(agent, 'no', 'option', 'pipelining').map((line) => {
    const message = 'without pipelining each connection carries one request at a time'
    return warning(spoe.at('SPOE_NO_PIPELINING', line, line.words[2], message))
  })
  return [...missing, ...unpiped]
}

/** Whether one request may lead to several questions: at several events, or by groups. */
function sendsMoreThanOnce({ haproxy }: LintInput, engine: Engine): boolean {
  const events = messagesOf(engine.agent).flatMap((name) => {
    const message = messageOf(engine, name)
    return message === undefined ? [] : (eventOf(message)?.words[1]?.text ?? [])
  })
  const groups = groupCalls(haproxy.sections).filter((call) => call.engine === engine.scope)
  return new Set(events).size + groups.length > 1
}

/** Parsed by 3.1 and later, and without effect. What only turns off something is no loss. */
const IGNORED = [
  ['maxconnrate'],
  ['maxerrrate'],
  ['max-waiting-frames'],
  ['option', 'async'],
  ['option', 'send-frag-payload'],
]

function ignored({ spoe, maybeOld }: LintInput, { agent }: Engine): Finding[] {
  if (maybeOld) return []
  return IGNORED.flatMap((words) =>
    linesOf(agent, ...words).map((line) => {
      const message = `HAProxy 3.1 and later ignore "${words.join(' ')}"`
      return warning(spoe.at('SPOE_KEYWORD_IGNORED', line, line.words[words.length - 1], message))
    }),
  )
}
