import { type Finding, fixedBy, newLine, warning } from './finding.ts'
import { inheritedLines, type Line, linesOf, type Section } from './haproxy-file.ts'
import { backendSection, type LintInput } from './input.ts'
import { processingTime, toMs } from './timeouts.ts'

/** The backend that leads to the agent: it holds no HTTP servers, and much of what is right for those is wrong for it. */
export function agentBackend(input: LintInput): Finding[] {
  const backend = input.main === undefined ? undefined : backendSection(input.haproxy, input.main)
  if (backend === undefined) return []
  return [mode, timeouts, checks, maxconn].flatMap((topic) => topic(input, backend))
}

/** Where the backend is still TCP when its frontend is read, 3.1 and later forget to reuse its connections. */
function mode({ haproxy, main, maybeNew }: LintInput, backend: Section): Finding[] {
  const lines = inheritedLines(haproxy, backend, 'mode')
  const isTcp = lines.some(({ words }) => words[1]?.text === 'tcp')
  if (!maybeNew || !isTcp || lines.some(({ words }) => words[1]?.text === 'spop')) return []
  const later = main?.proxies.find(({ header }) => header.number > backend.header.number)
  if (later === undefined) return []
  const own = linesOf(backend, 'mode').at(-1)
  const message = `"${backend.name}" in mode tcp stands above "${later.name}": HAProxy 3.1 and later would open one connection for each request`
  return [warning(haproxy.at('HAPROXY_AGENT_ORDER', own ?? backend.header, (own ?? backend.header).words[1], message))]
}

function timeouts({ haproxy, main }: LintInput, backend: Section): Finding[] {
  const missing = (['connect', 'server'] as const)
    .filter((kind) => inheritedLines(haproxy, backend, 'timeout', kind).length === 0)
    .map((kind) => {
      const message = `"${backend.name}" has no "timeout ${kind}"`
      const value = kind === 'server' ? '2m' : '1s'
      const hint = `Add "timeout ${kind} ${value}".`
      return fixedBy(
        warning(haproxy.at('HAPROXY_AGENT_TIMEOUT', backend.header, backend.header.words[1], message, hint)),
        newLine({ file: haproxy, section: backend, below: backend.lines.at(-1) }, 'timeout', kind, value),
      )
    })
  const line = inheritedLines(haproxy, backend, 'timeout', 'server').at(-1)
  const [ms, processing] = [toMs(line?.words[2]?.text), main === undefined ? undefined : processingTime(main)]
  if (line === undefined || ms === undefined || processing === undefined || ms >= processing) return missing
  const message = `"timeout server" ends connections to the agent after ${ms}ms, while HAProxy waits ${processing}ms for an answer`
  const hint = 'Connections to the agent are kept: give them minutes.'
  return [...missing, warning(haproxy.at('HAPROXY_AGENT_TIMEOUT', line, line.words[2], message, hint))]
}

/** Only health checks tell that an agent is about to stop. */
function checks({ haproxy }: LintInput, backend: Section): Finding[] {
  const byDefault = inheritedLines(haproxy, backend, 'default-server').some((line) => has(line, 'check'))
  const unchecked = byDefault ? [] : servers(backend).filter((line) => !has(line, 'check'))
  const found = unchecked.map((line) => {
    const message = `server "${line.words[1]?.text ?? ''}" has no "check": it gets requests while it stops, and after it died`
    return warning(
      haproxy.at('HAPROXY_AGENT_CHECK', line, line.words[1], message, 'Add "check inter 1s fall 2 rise 1".'),
    )
  })
  if (inheritedLines(haproxy, backend, 'option', 'spop-check').length > 0) return found
  const message = `"${backend.name}" has no "option spop-check": an agent that is about to stop would still look healthy`
  const problem = haproxy.at('HAPROXY_AGENT_CHECK', backend.header, backend.header.words[1], message)
  return [...found, fixedBy(warning(problem), newLine({ file: haproxy, section: backend }, 'option', 'spop-check'))]
}

function maxconn({ haproxy }: LintInput, backend: Section): Finding[] {
  const lines = [...servers(backend), ...inheritedLines(haproxy, backend, 'default-server')]
  return lines.flatMap((line) => {
    const word = line.words.find(({ text }) => text === 'maxconn')
    if (word === undefined) return []
    const message = '"maxconn" of an agent bounds requests, not connections: those above it wait until it is too late'
    return [warning(haproxy.at('HAPROXY_AGENT_MAXCONN', line, word, message))]
  })
}

function servers(backend: Section): Line[] {
  return [...linesOf(backend, 'server'), ...linesOf(backend, 'server-template')]
}

function has(line: Line, keyword: string): boolean {
  return line.words.some(({ text }) => text === keyword)
}
