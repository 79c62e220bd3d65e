import { defaultsOf, type HaproxyFile, type Line, linesOf, type Section } from './haproxy-file.ts'
import { conditionOf } from './input.ts'
import type { KnownVariables, Variable } from './known-variables.ts'
import { judge, type Verdict } from './rule-conditions.ts'

/** Actions that end a request when their condition holds. What Lua does may end it too. */
const REFUSES = /^(?:deny|return|reject|tarpit|silent-drop|redirect|auth|use-service)$/
const LUA = /^lua\./
const LETS_IN = /^(?:allow|accept)$/

/** In the order in which HAProxy comes to them; letting in ends one of them, not those behind it. */
const RULESETS = [
  ['tcp-request', 'connection'],
  ['tcp-request', 'session'],
  ['tcp-request', 'content'],
  ['http-request'],
  ['redirect'],
] as const

/**
 * Sends a request through the rules of a proxy and of its "defaults". `variables` are what they find and leave behind.
 *
 * @param allowed what they find when the agent lets in, to tell what is done about those whom it does not let in
 * @returns the rule that says what becomes of it; `undefined` where it goes on
 */
export function stoppedBy(
  haproxy: HaproxyFile,
  proxy: Section,
  variables: KnownVariables,
  allowed: KnownVariables,
): Line | undefined {
  const sections = [defaultsOf(haproxy, proxy), proxy].filter((section) => section !== undefined)
  for (const prefix of RULESETS) {
    rules: for (const section of sections) {
      for (const line of linesOf(section, ...prefix)) {
        const action = prefix[0] === 'redirect' ? 'redirect' : (line.words[prefix.length]?.text ?? '')
        const verdict = judge(section, line, variables)
        const { truth, telling } = verdict
        if (truth === false && !telling) continue
        if (LETS_IN.test(action) && truth === true) {
          // "allow" for just those is a decision, too: somebody wants it so.
          if (judge(section, line, allowed).truth === false) return line
          break rules
        }
        const may = truth === true || (truth === undefined && telling)
        if (may && (REFUSES.test(action) || (telling && LUA.test(action)))) return line
        assign(line, action, verdict, variables)
      }
    }
  }
  return undefined
}

/** `set-var(txn.ok) var(txn.temporal.decision)`, `set-var-fmt(…)`, `unset-var(…)`: what the variable holds from there on. */
function assign(line: Line, action: string, { truth, telling }: Verdict, variables: KnownVariables): void {
  const [, keyword, name] = /^(set-var|set-var-fmt|unset-var)\(([\w.]+)/.exec(action) ?? []
  if (keyword === undefined || name === undefined) return
  const before = variables.get(name)
  const given = keyword === 'unset-var' ? NOTHING : valueOf(line, keyword, variables)
  const isTelling = telling || given.telling
  if (truth === true) variables.set(name, { held: given.held, telling: isTelling })
  else if (truth === false) variables.set(name, { held: before.held, telling: isTelling || before.telling })
  else variables.set(name, { held: 'unknown', telling: isTelling || before.telling })
}

const NOTHING: Variable = { held: 'nothing', telling: false }

function valueOf(line: Line, keyword: string, variables: KnownVariables): Variable {
  const at = line.words.findIndex(({ text }) => text.startsWith(`${keyword}(`))
  const words = line.words.slice(at + 1, line.words.length - conditionOf(line).length).map(({ text }) => text)
  const value = words.join(' ')
  const telling = words.some((word) => variables.areToldBy(word))
  if (keyword === 'set-var-fmt') return { held: formatted(value, variables), telling }
  const copied = /^var\(([\w.]+)\)$/.exec(value)?.[1]
  if (copied !== undefined) return { held: variables.get(copied).held, telling }
  const text = /^str\(([^)]*)\)$/.exec(value)?.[1]
  if (text !== undefined) return { held: { text }, telling }
  return { held: /^(?:int|bool)\(/.test(value) ? 'something' : 'unknown', telling }
}

/** A format always gives a text, if an empty one. */
function formatted(format: string, variables: KnownVariables): Variable['held'] {
  const text = format.replaceAll(/%\[var\(([\w.]+)\)\]/g, (all, name: string) => {
    const { held } = variables.get(name)
    if (held === 'nothing') return ''
    return typeof held === 'string' ? all : held.text
  })
  return text.includes('%') ? 'unknown' : { text }
}
