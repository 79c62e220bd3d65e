import { ActionTable, contentOf } from '../action-table.ts'
import type { WorkflowAction } from '../command.ts'
import { BATCH_LIMITS, type StoreAction } from './incoming.ts'

/**
 * The actions of both sides: those of the hot side by its numbers, those of rows by their content. The ship thread gets
 * each once, before the first parcel that names it.
 */
export class StoreActions {
  readonly #table = new ActionTable()
  readonly #known: StoreAction[] = []
  /** By the index of the hot side. */
  readonly #hot: StoreAction[] = []
  /** By the JSON in the outbox. */
  readonly #rows = new Map<string, StoreAction | undefined>()
  readonly #namespace: string
  #told = 0

  /** @param namespace of actions that name none */
  constructor(namespace: string) {
    this.#namespace = namespace
  }

  /** Takes what the hot side tells of its actions. */
  learn(first: number, actions: readonly WorkflowAction[]): void {
    actions.forEach((action, i) => {
      this.#hot[first + i] = this.#of(action)
    })
  }

  /** By the index of the hot side; undefined for one that it has not told of. */
  ofHot(index: number): StoreAction | undefined {
    return this.#hot[index]
  }

  /** By the JSON in a row; undefined when that is none of an action. */
  ofRow(content: string): StoreAction | undefined {
    if (!this.#rows.has(content)) this.#rows.set(content, this.#parse(content))
    return this.#rows.get(content)
  }

  /** By the index of the ship thread. */
  at(index: number): StoreAction {
    const action = this.#known[index]
    if (action === undefined) throw new TypeError(`there is no action ${index}`)
    return action
  }

  /** What the ship thread has not been told yet, and the index of its first. */
  news(): { first: number; actions: readonly WorkflowAction[] } | undefined {
    if (this.#told === this.#table.size) return undefined
    const first = this.#told
    this.#told = this.#table.size
    return { first, actions: this.#table.from(first) }
  }

  #of(action: WorkflowAction): StoreAction {
    const index = this.#table.indexOf(action)
    return (this.#known[index] ??= {
      index,
      action,
      content: contentOf(action),
      batch: { ...BATCH_LIMITS, ...action.batch },
      namespace: action.namespace ?? this.#namespace,
    })
  }

  #parse(content: string): StoreAction | undefined {
    try {
      const action = JSON.parse(content) as Partial<WorkflowAction> | null
      const whole = typeof action?.kind === 'string' && typeof action.rule === 'string'
      return whole ? this.#of(action as WorkflowAction) : undefined
    } catch {
      return undefined // the row goes to the dead letters
    }
  }
}
