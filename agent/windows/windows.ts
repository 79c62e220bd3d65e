import type { Command, WorkflowAction } from '../dispatch/command.ts'
import type { WindowSummary } from '../messages.ts'
import type { Outcome } from './key-window.ts'
import { GRACE_MS, type WindowRule, WindowTable } from './window-table.ts'

/** Stands before the keys of requests beyond a budget in workflow ids: the workflows of their rule have the keys alone. */
const OVER_BUDGET = '~window/'

interface WindowSettings extends Pick<WindowRule, 'everyMs' | 'maxKeys'> {
  readonly action: WorkflowAction
}

/** What is known of a rule's `workflow` section: a `CompiledWorkflow` is one. */
export interface WindowWorkflow extends WindowSettings {
  /** Windows beside an action of another kind. */
  readonly overBudget?: WindowSettings | undefined
}

interface WindowAction extends WindowRule {
  readonly action: WorkflowAction
  readonly overBudget: boolean
}

/** The workflow that gets the summaries of a key. */
export function windowWorkflowId(rule: string, key: string, overBudget: boolean): string {
  return overBudget ? `${rule}/${OVER_BUDGET}${key}` : `${rule}/${key}`
}

export interface WindowsOptions {
  /** Takes each summary: `dispatch` of the dispatcher, which counts what it does not take. */
  readonly emit: (command: Command) => unknown
  /** Of `windowAgentName`. */
  readonly agent: string
  /** Milliseconds since the epoch; default `Date.now`. */
  readonly now?: (() => number) | undefined
  /** Default {@link GRACE_MS}. */
  readonly graceMs?: number | undefined
  /** Whether a rule may open one more window; default: as many as it has keys. */
  readonly mayOpen?: ((rule: string) => boolean) | undefined
}

/** Milliseconds between two looks for windows that are over. */
const LOOK_MS = 250
/** Summaries at one go, and milliseconds until the next: with 20 microseconds each, nobody's decision waits for them. */
const AT_ONCE = 25
const NEXT_MS = 2

/**
 * The windows of a process, from the decision to the command for Temporal. They outlive the configuration that asked for
 * them: a reload goes on with what is counted.
 */
export class Windows {
  readonly #emit: (command: Command) => unknown
  readonly #now: () => number
  readonly #table: WindowTable
  /** By rule, those of the configuration in force. */
  #actions: ReadonlyMap<string, WindowAction> = new Map()
  /** By rule, the last one that was in force: what is counted goes out as that one says. */
  readonly #known = new Map<string, WindowAction>()
  #timer: NodeJS.Timeout | undefined
  #running = false

  constructor({ emit, agent, now = Date.now, graceMs = GRACE_MS, mayOpen }: WindowsOptions) {
    this.#emit = emit
    this.#now = now
    this.#table = new WindowTable(agent, graceMs, mayOpen)
  }

  /** Windows that are not handed over yet: a level, for metrics. */
  get open(): number {
    return this.#table.size
  }

  /** How often something was counted under `~others`, because a rule had keys enough, or no budget for more. */
  get overflowed(): number {
    return this.#table.overflowed
  }

  /**
   * Which rules have windows, from now on; what is counted of others still goes out.
   * @param workflows of all rules: those without windows do not matter
   */
  use(workflows: Iterable<WindowWorkflow>): void {
    const actions = new Map<string, WindowAction>()
    for (const workflow of workflows) {
      const { overBudget } = workflow
      const settings = workflow.action.kind === 'window' ? workflow : overBudget
      if (settings === undefined) continue
      const { action, everyMs, maxKeys } = settings
      actions.set(action.rule, { rule: action.rule, everyMs, maxKeys, action, overBudget: settings === overBudget })
    }
    this.#actions = actions
    for (const [rule, action] of actions) this.#known.set(rule, action)
  }

  /** A request of that key was let through. No effect for a rule without windows. */
  begin(rule: string, key: string): void {
    const action = this.#actions.get(rule)
    if (action !== undefined) this.#table.begin(action, key, this.#now())
  }

  /** How a request of that key ended. No effect for a rule without windows: it may have had them a moment ago. */
  add(rule: string, key: string, outcome: Outcome): void {
    const action = this.#actions.get(rule)
    if (action !== undefined) this.#table.add(action, key, outcome, this.#now())
  }

  /** Hands over windows as they end, until {@link flush}. */
  start(): void {
    if (this.#running) return
    this.#running = true
    this.#look()
  }

  /**
   * Hands over all windows at once, also those whose time is not over, and looks for no more. For the end: after the last
   * outcome, and before the dispatcher is drained.
   */
  flush(): void {
    this.#running = false
    clearTimeout(this.#timer)
    for (const summary of this.#table.all()) this.#hand(summary)
  }

  #look(): void {
    const due = this.#table.due(this.#now(), AT_ONCE)
    for (const summary of due) this.#hand(summary)
    this.#timer = setTimeout(() => this.#look(), due.length === AT_ONCE ? NEXT_MS : LOOK_MS)
    // What is counted goes out by `flush`; no process waits for it.
    this.#timer.unref()
  }

  #hand(summary: WindowSummary): void {
    const { id, rule, key, to } = summary
    const known = this.#known.get(rule)
    if (known === undefined) return
    const { action, overBudget } = known
    const workflowId = windowWorkflowId(rule, key, overBudget)
    const body = overBudget ? { ...summary, overBudget } : summary
    this.#emit({ action, id, at: to, workflowId, key, tenant: '', body })
  }
}
