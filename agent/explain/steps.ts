import type { AuthResult } from '../identity/identity.ts'
import type { Trace } from '../rules/decide.ts'
import type { CompiledRule } from '../rules/rule.ts'

/** One thing that was found out about a rule. */
export interface Step {
  /** `when`, `pathRegex`, `header x-tenant`, `identity`, `limit`, `shadow` and so on. */
  readonly what: string
  readonly result: 'passed' | 'failed' | 'error'
  /** Of an error. */
  readonly detail: string | undefined
  /** Since the step before, in microseconds. */
  readonly us: number
}

/** A rule that was tried, and what came of it. */
export interface Tried {
  readonly rule: CompiledRule
  readonly steps: Step[]
  /** Undefined where the rule did not come to ask. */
  caller: AuthResult | undefined
}

/** Notes what a decision goes through. */
export class Steps implements Trace {
  readonly #tried: Tried[] = []
  #last = performance.now()

  /** For the next request. */
  reset(): void {
    this.#tried.length = 0
    this.#last = performance.now()
  }

  get all(): readonly Tried[] {
    return this.#tried
  }

  tried(rule: CompiledRule): void {
    this.#last = performance.now()
    // A rule that had to wait until the caller was known is begun again.
    const last = this.#tried.at(-1)
    if (last?.rule === rule) last.steps.length = 0
    else this.#tried.push({ rule, steps: [], caller: undefined })
  }

  judged(_rule: CompiledRule, what: string, result: Step['result'], detail?: string): void {
    this.#add(what, result, detail)
  }

  authenticated(_rule: CompiledRule, result: AuthResult): void {
    const last = this.#tried.at(-1)
    if (last !== undefined) last.caller = result
    this.#add('identity', result.ok ? 'passed' : 'failed', result.ok ? undefined : result.reason)
  }

  decided(): void {
    // The record has it.
  }

  #add(what: string, result: Step['result'], detail: string | undefined): void {
    const now = performance.now()
    this.#tried.at(-1)?.steps.push({ what, result, detail, us: (now - this.#last) * 1000 })
    this.#last = now
  }
}
