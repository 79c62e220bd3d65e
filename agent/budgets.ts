import type { Spent } from './dispatch/counters.ts'
import { Budget } from './dispatch/shape/budget.ts'
import { WindowAllowance } from './dispatch/shape/window-allowance.ts'
import type { CompiledRule, CompiledWorkflow } from './rules/rule.ts'
import { DEFAULT_MAX_KEYS } from './windows/window-table.ts'

/** Milliseconds between two looks at what events have cost. */
const LOOK_MS = 500

/** Milliseconds for which a rule must have cost less than its budget before that is told: it may go to and fro. */
const CALM_MS = 60_000

/** Where it is told that a budget begins to hold events back, and that it no longer does. */
export interface BudgetLog {
  warn(fields: object, text: string): void
  info(fields: object, text: string): void
}

/** What makes two budgets of a rule the same one: a reload that changes nothing here goes on with what is known. */
interface Terms {
  readonly perRequest: number
  readonly everyMs: number | undefined
  readonly maxKeys: number
}

interface Held {
  readonly terms: Terms
  readonly budget: Budget
  /** Of one that counts in windows what it leaves out. */
  readonly windows: WindowAllowance | undefined
  /** Of the rule, before the budget. */
  readonly requestsBefore: number
  /** Whether it was told that the budget holds events back. */
  told: boolean
  /** Since when it does not: milliseconds of a monotonic clock. */
  calmSince: number
}

/** The budgets of all rules, held against what their events cost. A reload goes on with what is known of a rule. */
export class Budgets {
  readonly #spent: (rule: string) => Spent
  readonly #log: BudgetLog
  #held = new Map<string, Held>()
  #timer: NodeJS.Timeout | undefined

  /** @param spent what a rule has come to so far */
  constructor(spent: (rule: string) => Spent, log: BudgetLog) {
    this.#spent = spent
    this.#log = log
  }

  /** Which rules have budgets, from now on. */
  use(rules: readonly Pick<CompiledRule, 'name' | 'workflow'>[], now = performance.now()): void {
    const held = new Map<string, Held>()
    for (const { name, workflow } of rules) {
      if (workflow?.budget === undefined) continue
      const terms = termsOf(workflow.budget, workflow)
      const known = this.#held.get(name)
      if (known !== undefined && isSame(known.terms, terms)) held.set(name, known)
      else held.set(name, this.#newly(name, terms, workflow, now, known?.told ?? false))
    }
    this.#held = held
    if (held.size > 0) this.#timer ??= setInterval(() => this.update(performance.now()), LOOK_MS).unref()
    else this.close()
  }

  /** Share of the requests of a rule that may become events: 1 without a budget. */
  share(rule: string): number {
    return this.#held.get(rule)?.budget.share ?? 1
  }

  /** Whether a rule may open one more window, which counts as opened then. Windows without a budget always may. */
  mayOpenWindow(rule: string): boolean {
    return this.#held.get(rule)?.windows?.take() ?? true
  }

  /** Rules with a budget, and the share that it leaves them. */
  shares(): { readonly rule: string; readonly share: number }[] {
    return [...this.#held].map(([rule, { budget }]) => ({ rule, share: budget.share }))
  }

  /** @param now milliseconds of a monotonic clock */
  update(now: number): void {
    for (const [rule, held] of this.#held) {
      const { requests, settled, actions, summaryActions } = this.#spent(rule)
      held.windows?.update(requests, summaryActions, now)
      held.budget.update(settled, actions, now, held.windows?.perRequest)
      // Before the first request there is only a guess.
      if (requests > held.requestsBefore) this.#tell(rule, held, now)
    }
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #newly(rule: string, terms: Terms, { action }: CompiledWorkflow, now: number, told: boolean): Held {
    const { perRequest, everyMs, maxKeys } = terms
    const { requests, settled, actions, summaryActions } = this.#spent(rule)
    // Of a batch each record is thought to cost its part.
    const guess = action.kind === 'meter' ? 1 / (action.batch?.maxRecords ?? 1000) : 1
    return {
      terms,
      budget: new Budget(perRequest, guess, settled, actions, now),
      windows:
        everyMs === undefined
          ? undefined
          : new WindowAllowance(perRequest, everyMs, maxKeys, requests, summaryActions, now),
      requestsBefore: requests,
      told,
      calmSince: now,
    }
  }

  /** Once when it begins, and once when it has been over for a while: never for a request. */
  #tell(rule: string, held: Held, now: number): void {
    const { share } = held.budget
    const others = held.windows === undefined ? 'sampled out' : 'windowed'
    if (share < 1) {
      held.calmSince = now
      if (held.told) return
      held.told = true
      this.#log.warn(
        { rule, share: Number(share.toPrecision(3)), others },
        'over budget: only a share of the requests becomes events',
      )
    } else if (held.told && now - held.calmSince >= CALM_MS) {
      held.told = false
      this.#log.info({ rule }, 'within its budget again: every request becomes an event')
    }
  }
}

function termsOf(perRequest: number, { overBudget }: CompiledWorkflow): Terms {
  return { perRequest, everyMs: overBudget?.everyMs, maxKeys: overBudget?.maxKeys ?? DEFAULT_MAX_KEYS }
}

function isSame(a: Terms, b: Terms): boolean {
  return a.perRequest === b.perRequest && a.everyMs === b.everyMs && a.maxKeys === b.maxKeys
}
