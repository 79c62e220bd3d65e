import type { LoadedConfig } from '../config/load.ts'
import type { Problem } from '../config/problem.ts'
import { VARIABLE_PREFIX } from '../rules/variables.ts'
import { type HaproxyFile, type Line, linesOf, type Section, type Word } from './haproxy-file.ts'

export interface LintInput {
  readonly loaded: LoadedConfig
  readonly haproxy: HaproxyFile
  readonly spoe: HaproxyFile
}

/** For what is most likely a slip, but neither lets requests through nor stops them all. */
export function warning(found: Problem): Problem {
  return { ...found, severity: 'warning' }
}

/** What a `messages` line of the agent names: HAProxy sends nothing else. */
export function messagesOf(agent: Section): string[] {
  return linesOf(agent, 'messages').flatMap((line) => texts(line.words.slice(1)))
}

/** The spoe-agent that is ours: the one that sends `check`, or the first. */
export function spoeAgent(spoe: HaproxyFile): Section | undefined {
  const agents = spoe.sectionsOf('spoe-agent')
  return agents.find((agent) => messagesOf(agent).includes('check')) ?? agents[0]
}

/** The frontends that ask the agent; other filters of the kind, a WAF's perhaps, are told apart by their engine. */
export function askingProxies({ haproxy, spoe }: Pick<LintInput, 'haproxy' | 'spoe'>): Section[] {
  const engines = new Set([...spoe.text.matchAll(/^\s*\[([^\]]+)\]/gm)].map((match) => match[1]))
  const all = haproxy
    .sectionsOf('frontend', 'listen')
    .flatMap((section) =>
      linesOf(section, 'filter', 'spoe').map((line) => ({ section, engine: after(line, 'engine') })),
    )
  const ours = all.filter(({ engine }) => engines.has(engine))
  return [...new Set((ours.length > 0 ? ours : all).map(({ section }) => section))]
}

/** `txn.temporal.plan` in `"%[var(txn.temporal.plan),json]"`, but neither in a comment nor in `txn.temporal.plan_id`. */
export function refersTo(words: readonly Word[], variable: string): boolean {
  const pattern = new RegExp(`(?<![\\w.])txn\\.${VARIABLE_PREFIX}\\.${variable}(?![\\w.])`)
  return words.some((word) => pattern.test(word.text))
}

export function texts(words: readonly Word[]): string[] {
  return words.map((word) => word.text)
}

/** The word that follows another one. */
function after(line: Line, keyword: string): string | undefined {
  const at = texts(line.words).indexOf(keyword)
  return at === -1 ? undefined : line.words[at + 1]?.text
}
