import type { WorkflowAction } from './command.ts'

/**
 * Numbers for actions, so that a packet names each by four bytes. An action keeps its number as long as the process
 * lives; equal actions share one, so that a reload which changes nothing adds none.
 */
export class ActionTable {
  readonly #known = new WeakMap<WorkflowAction, number>()
  readonly #byContent = new Map<string, number>()
  readonly #actions: WorkflowAction[] = []

  get size(): number {
    return this.#actions.length
  }

  /** Index of the action. */
  indexOf(action: WorkflowAction): number {
    const known = this.#known.get(action)
    if (known !== undefined) return known
    const content = contentOf(action)
    let index = this.#byContent.get(content)
    if (index === undefined) {
      index = this.#actions.push(action) - 1
      this.#byContent.set(content, index)
    }
    this.#known.set(action, index)
    return index
  }

  at(index: number): WorkflowAction | undefined {
    return this.#actions[index]
  }

  /** All from the index `first` on. */
  from(first: number): readonly WorkflowAction[] {
    return this.#actions.slice(first)
  }
}

/** The same text for the same settings, in whatever order they were written. */
export function contentOf(action: WorkflowAction): string {
  return JSON.stringify(action, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
}
