import type { LoadedConfig } from '../config/load.ts'
import { compileRules } from '../rules/compile.ts'
import type { RuleNeeds } from '../rules/rule-set.ts'
import { VARIABLE_PREFIX } from '../rules/variables.ts'
import { type Engine, enginesOf, messagesOf } from './engines.ts'
import { type HaproxyFile, type Line, linesOf, type Section, type Word } from './haproxy-file.ts'
import { type HaproxyVersion, isAtLeast, REWRITTEN } from './version.ts'

/** What rules read beside what the shipped spoe.conf sends. */
export interface RulesNeed {
  readonly request: RuleNeeds
  readonly connection: RuleNeeds
}

/** @throws {ConfigError} rules that do not compile */
export function rulesNeed({ config, document }: LoadedConfig): RulesNeed {
  const { needs, connectionNeeds } = compileRules(config, document)
  return { request: needs, connection: connectionNeeds }
}

/** The three files, as the HAProxy of one version reads them. */
export class LintInput {
  readonly loaded: LoadedConfig
  readonly haproxy: HaproxyFile
  readonly spoe: HaproxyFile
  readonly engines: readonly Engine[]
  readonly version: HaproxyVersion | undefined

  readonly needs: RulesNeed

  /** @param version what the two files were read for; `undefined`: any */
  constructor(
    loaded: LoadedConfig,
    needs: RulesNeed,
    haproxy: HaproxyFile,
    spoe: HaproxyFile,
    version?: HaproxyVersion,
  ) {
    this.loaded = loaded
    this.needs = needs
    this.haproxy = haproxy
    this.spoe = spoe
    this.version = version
    this.engines = enginesOf(haproxy, spoe)
  }

  /** The engine that decides: the one that sends `check` by itself, or by a group, or at least `connect`; or the first. */
  get main(): Engine | undefined {
    return (
      this.engines.find(({ agent }) => messagesOf(agent).includes('check')) ??
      this.engines.find(({ messages }) => messages.some(({ name }) => name === 'check')) ??
      this.engines.find(({ messages }) => messages.some(({ name }) => name === 'connect')) ??
      this.engines[0]
    )
  }

  /** The engines that ask our agent: the main one, and those in use that lead to the same backend. */
  get ours(): Engine[] {
    const { main } = this
    if (main === undefined) return []
    const backend = backendOf(main)?.words[1]?.text
    return this.engines.filter(
      (engine) => engine === main || (engine.proxies.length > 0 && backendOf(engine)?.words[1]?.text === backend),
    )
  }

  /** The frontends that ask the agent; the filter of another engine, a WAF's perhaps, does not count. */
  get asking(): Section[] {
    const proxies = this.ours.flatMap((engine) => engine.proxies)
    return [...new Set(proxies)].filter(({ kind }) => kind !== 'backend')
  }

  /** Whether it may run on 3.0 or below. */
  get maybeOld(): boolean {
    return this.version === undefined || !isAtLeast(this.version, REWRITTEN)
  }

  /** Whether it may run on 3.1 or above. */
  get maybeNew(): boolean {
    return this.version === undefined || isAtLeast(this.version, REWRITTEN)
  }
}

/** `use-backend` of an engine. */
export function backendOf({ agent }: Engine): Line | undefined {
  return linesOf(agent, 'use-backend').at(-1)
}

/** The section of haproxy.cfg that it names. */
export function backendSection(haproxy: HaproxyFile, engine: Engine): Section | undefined {
  const name = backendOf(engine)?.words[1]?.text
  return haproxy.sectionsOf('backend', 'listen').find((section) => section.name === name)
}

/** `txn.temporal.plan` in `"%[var(txn.temporal.plan),json]"`, but neither in a comment nor in `txn.temporal.plan_id`. */
export function refersTo(words: readonly Word[], variable: string): boolean {
  const pattern = new RegExp(`(?<![\\w.])txn\\.${VARIABLE_PREFIX}\\.${variable}(?![\\w.])`)
  return words.some((word) => pattern.test(word.text))
}

/** The words from the last `if` or `unless` on. */
export function conditionOf({ words }: Line): readonly Word[] {
  const at = words.findLastIndex((word) => word.text === 'if' || word.text === 'unless')
  return at === -1 ? [] : words.slice(at)
}
