import { relative } from 'node:path'
import type { Answer } from '../explain/engine.ts'
import type { CompiledRule } from '../rules/rule.ts'
import type { Policy } from './policy.ts'

/** A rule that no test reached, and where it stands. */
export interface Unreached {
  readonly rule: string
  readonly line: number
  readonly column: number
}

/** Which rules of a configuration have decided something: in shadow mode, would have. */
export class Coverage {
  /** Path of the configuration, from here. */
  readonly config: string
  readonly #policy: Policy
  readonly #reached = new Set<CompiledRule>()

  constructor(policy: Policy) {
    this.#policy = policy
    this.config = relative('', policy.file)
  }

  add({ decision, shadows }: Answer): void {
    this.#note(decision.rule?.name)
    for (const { rule } of shadows) this.#note(rule.name)
  }

  get rules(): number {
    return this.#policy.rules.length
  }

  get reached(): number {
    return this.#reached.size
  }

  /** 0 to 100; 100 for a configuration without rules. */
  get percent(): number {
    return this.rules === 0 ? 100 : (100 * this.reached) / this.rules
  }

  /** In the order of the file. */
  get unreached(): Unreached[] {
    const { rules, config, document } = this.#policy
    return rules.flatMap((rule, i) => {
      if (this.#reached.has(rule)) return []
      const path = [...(config.rules[i]?.at ?? ['rules']), 'name']
      const { line, column } = document.atValue('CONFIG_INVALID', path, '', { hint: '' })
      return [{ rule: rule.name, line, column }]
    })
  }

  /** By name: several files may have compiled the same configuration, each for itself. */
  #note(name: string | undefined): void {
    const rule = this.#policy.rules.find((one) => one.name === name)
    if (rule !== undefined) this.#reached.add(rule)
  }
}
