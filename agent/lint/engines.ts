import { type HaproxyFile, type Line, linesOf, type Section } from './haproxy-file.ts'

/** One engine of spoe.conf that some filter of haproxy.cfg asks: an agent and what it is told. */
export interface Engine {
  /** `undefined`: a file without `[ ]`. */
  readonly scope: string | undefined
  readonly agent: Section
  readonly messages: readonly Section[]
  readonly groups: readonly Section[]
  /** Frontends, backends and listens that have it as a filter. */
  readonly proxies: readonly Section[]
}

/** `send-spoe-group` in some rule. */
export interface GroupCall {
  readonly proxy: Section
  readonly line: Line
  readonly engine: string | undefined
  readonly group: string | undefined
}

const PROXIES = ['frontend', 'listen', 'backend']

/** Every engine of the file, in its order. Of several agents in one engine HAProxy takes the first. */
export function enginesOf(haproxy: HaproxyFile, spoe: HaproxyFile): Engine[] {
  const scopes = new Set(spoe.sectionsOf('spoe-agent').map(({ scope }) => scope))
  const filters = haproxy.sectionsOf(...PROXIES).flatMap((proxy) => {
    return linesOf(proxy, 'filter', 'spoe').map((line) => ({ proxy, engine: after(line, 'engine') }))
  })
  return [...scopes].flatMap((scope) => {
    const of = (kind: string): Section[] => spoe.sectionsOf(kind).filter((section) => section.scope === scope)
    const [agent] = of('spoe-agent')
    if (agent === undefined) return []
    const proxies = filters.filter(({ engine }) => engine === scope).map(({ proxy }) => proxy)
    return [{ scope, agent, messages: of('spoe-message'), groups: of('spoe-group'), proxies: [...new Set(proxies)] }]
  })
}

/** What a `messages` line of the agent names: HAProxy sends nothing else by events. */
export function messagesOf(section: Section): string[] {
  return linesOf(section, 'messages').flatMap((line) => texts(line))
}

export function messageOf({ messages }: Pick<Engine, 'messages'>, name: string): Section | undefined {
  return messages.find((section) => section.name === name)
}

/** The last event of a message: of several lines HAProxy takes only that one. */
export function eventOf(message: Section): Line | undefined {
  return linesOf(message, 'event').at(-1)
}

/** Every place that sends a group, in all of the given sections. */
export function groupCalls(sections: readonly Section[]): GroupCall[] {
  return sections.flatMap((proxy) =>
    proxy.lines.flatMap((line) => {
      const words = line.words.map((word) => word.text)
      const at = words.indexOf('send-spoe-group')
      return at === -1 ? [] : [{ proxy, line, engine: words[at + 1], group: words[at + 2] }]
    }),
  )
}

/** How a message gets to the agent: by its event, and by the groups that some rule sends. */
export function waysOf(engine: Engine, name: string, haproxy: HaproxyFile): { event: boolean; calls: GroupCall[] } {
  const message = messageOf(engine, name)
  const event = message !== undefined && messagesOf(engine.agent).includes(name) && eventOf(message) !== undefined
  const groups = engine.groups.filter((group) => messagesOf(group).includes(name)).map((group) => group.name)
  const calls = groupCalls(haproxy.sections).filter(
    (call) => call.engine === engine.scope && call.group !== undefined && groups.includes(call.group),
  )
  return { event, calls }
}

/** The words of a line behind its keyword. */
export function texts(line: Line): string[] {
  return line.words.slice(1).map((word) => word.text)
}

/** The word that follows another one. */
export function after(line: Line, keyword: string): string | undefined {
  const words = line.words.map((word) => word.text)
  const at = words.indexOf(keyword)
  return at === -1 ? undefined : words[at + 1]
}
