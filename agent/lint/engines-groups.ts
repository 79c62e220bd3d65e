import { after, type Engine, eventOf, groupCalls, messageOf, messagesOf } from './engines.ts'
import { type Finding, warning } from './finding.ts'
import { type HaproxyFile, inheritedLines, type Line, linesOf, type Section } from './haproxy-file.ts'
import type { LintInput } from './input.ts'

/** Engines that no filter asks, groups that no rule sends, messages that nobody names: HAProxy reads them and says nothing. */
export function enginesAndGroups(input: LintInput): Finding[] {
  return input.engines.flatMap((engine) => [
    ...unused(input, engine),
    ...wrongMode(input, engine),
    ...groups(input, engine),
    ...messages(input, engine),
  ])
}

function unused({ haproxy, spoe, asking }: LintInput, engine: Engine): Finding[] {
  const { agent, scope } = engine
  // That nobody asks at all is an error of its own, which says it for all.
  if (asking.length === 0) return []
  const proxies = filtering(haproxy, engine)
  if (proxies.length === 0) {
    const message = `no "filter spoe" of ${haproxy.file} names the engine "${scope ?? ''}", so this agent is never asked`
    return [warning(spoe.at('SPOE_ENGINE_UNUSED', agent.header, agent.header.words[1], message))]
  }
  if (proxies.some(({ kind }) => kind !== 'backend')) return []
  const events = eventsOf(engine)
  const early = events.filter((line) => EARLY.includes(line.words[1]?.text ?? ''))
  const isSent = early.length < events.length || groupCalls(haproxy.written).some((call) => call.engine === scope)
  if (early.length > 0 && !isSent) {
    const message = `only backends have a filter for the engine "${scope ?? ''}", and its events are over before one is chosen`
    return [warning(spoe.at('SPOE_ENGINE_UNUSED', agent.header, agent.header.words[1], message, LATE_HINT))]
  }
  return early.map((line) => {
    const message = `only backends have a filter for this engine, and "${line.words[1]?.text ?? ''}" is over before one is chosen`
    return warning(spoe.at('SPOE_MESSAGE_UNSENT', line, line.words[1], message, LATE_HINT))
  })
}

/** A filter in another branch of an `.if` counts: it is there for another version. */
function filtering(haproxy: HaproxyFile, { scope }: Engine): Section[] {
  return haproxy.written.filter((section) =>
    linesOf(section, 'filter', 'spoe').some((line) => after(line, 'engine') === scope),
  )
}

/** The filters of a backend begin when it has been chosen. */
const EARLY = ['on-client-session', 'on-frontend-tcp-request', 'on-frontend-http-request']
const LATE_HINT = 'Put the "filter spoe" into the frontend, or send the message at "on-backend-http-request".'

function eventsOf(engine: Engine): Line[] {
  return messagesOf(engine.agent).flatMap((name) => {
    const message = messageOf(engine, name)
    return (message === undefined ? undefined : eventOf(message)) ?? []
  })
}

/** HAProxy takes HTTP events in a TCP proxy without a word, and never runs them. */
function wrongMode({ haproxy, spoe }: LintInput, engine: Engine): Finding[] {
  const events = eventsOf(engine).map((line) => line.words[1]?.text ?? '')
  // With another event among them, the engine may serve a TCP frontend beside an HTTP one.
  if (events.length === 0 || !events.every((event) => event.includes('http'))) return []
  return engine.proxies.flatMap((proxy) => {
    const mode = inheritedLines(haproxy, proxy, 'mode').at(-1)?.words[1]?.text ?? 'tcp'
    const filter = linesOf(proxy, 'filter', 'spoe').find((line) => line.words.some(({ text }) => text === engine.scope))
    if (mode === 'http' || filter === undefined) return []
    const message = `"${proxy.name}" is in mode ${mode}: of ${spoe.file} nothing is sent here, because all its events are those of HTTP`
    return [haproxy.at('HAPROXY_TCP_FRONTEND', filter, filter.words[1], message)]
  })
}

function groups({ haproxy, spoe }: LintInput, engine: Engine): Finding[] {
  const sent = groupCalls(haproxy.written).filter((call) => call.engine === engine.scope)
  const owners = new Map<string, Section>()
  return engine.groups.flatMap((group) => {
    const found: Finding[] = []
    if (!sent.some((call) => call.group === group.name)) {
      const message = `no rule of ${haproxy.file} sends the group "${group.name}"`
      const hint = `Add "http-request send-spoe-group ${engine.scope ?? ''} ${group.name}" where it shall be sent.`
      found.push(warning(spoe.at('SPOE_GROUP_UNSENT', group.header, group.header.words[1], message, hint)))
    }
    for (const line of linesOf(group, 'messages')) {
      for (const word of line.words.slice(1)) {
        const owner = owners.get(word.text)
        if (owner !== undefined && owner !== group) {
          const message = `the message "${word.text}" belongs to the group "${owner.name}" already`
          found.push(spoe.at('SPOE_GROUP_TWICE', line, word, message))
        }
        owners.set(word.text, group)
      }
    }
    return found
  })
}

/** A message without an event, or one that neither the agent nor a group names. */
function messages({ spoe }: LintInput, engine: Engine): Finding[] {
  const byEvent = messagesOf(engine.agent)
  const byGroup = new Set(engine.groups.flatMap((group) => messagesOf(group)))
  return engine.messages.flatMap((message) => {
    const named = byEvent.includes(message.name)
    // What becomes of the message that decides, the contract says.
    if (message.name === 'check' || (named && eventOf(message) !== undefined)) return []
    if (!named && byGroup.has(message.name)) return []
    const why = named
      ? 'has no event, so HAProxy never sends it'
      : 'stands neither in "messages" of the agent nor in a group, so HAProxy never sends it'
    const text = `the message "${message.name}" ${why}`
    return [warning(spoe.at('SPOE_MESSAGE_UNSENT', message.header, message.header.words[1], text))]
  })
}
