import type { StoreActions } from './actions.ts'
import type { StoreAction } from './incoming.ts'
import type { Condition } from './outbox.ts'
import { isShaped } from './outgoing.ts'
import type { Siding, Sidings } from './sidings.ts'
import type { StoredActions } from './stored-actions.ts'

/** Which rows a reader of pages looks at, as far as SQL can tell at once: what else is not its own it has to leave out. */
export class Reach {
  readonly #actions: StoreActions
  readonly #sidings: Sidings

  constructor(actions: StoreActions, sidings: Sidings) {
    this.#actions = actions
    this.#sidings = sidings
  }

  /** Of the reader of all rows: all but those that wait apart. */
  ofAll(stored: StoredActions): Condition | undefined {
    const sidings = this.#sidings
    if (sidings.size === 0) return undefined
    const apart = this.#numbers(stored, ({ action, namespace }) =>
      isShaped(action) ? sidings.ofRule(action.rule) !== undefined : sidings.ofNamespace(namespace) !== undefined,
    )
    let sql = `action NOT IN (${apart.join(', ')})`
    const values: string[] = []
    for (const namespace of sidings.lanedNamespaces) {
      const lanes = sidings.lanesOf(namespace)
      sql += ` AND NOT (action IN (${this.#inNamespace(stored, namespace)}) AND workflow_id IN (${marks(lanes)}))`
      values.push(...lanes)
    }
    return { sql, values }
  }

  /** Of a siding; of a namespace all but those of its lanes that wait apart. */
  ofSiding(stored: StoredActions, { kind, name, workflowId }: Siding): Condition {
    if (kind === 'rule') {
      const numbers = this.#numbers(stored, ({ action }) => isShaped(action) && action.rule === name)
      return { sql: `action IN (${numbers.join(', ')})`, values: [] }
    }
    const sql = `action IN (${this.#inNamespace(stored, name)})`
    if (kind === 'lane') return { sql: `${sql} AND workflow_id = ?`, values: [workflowId] }
    const lanes = this.#sidings.lanesOf(name)
    return { sql: `${sql} AND workflow_id NOT IN (${marks(lanes)})`, values: lanes }
  }

  #inNamespace(stored: StoredActions, name: string): string {
    return this.#numbers(stored, ({ action, namespace }) => !isShaped(action) && namespace === name).join(', ')
  }

  #numbers(stored: StoredActions, isWanted: (action: StoreAction) => boolean): number[] {
    return stored.numbers((content) => {
      const action = this.#actions.ofRow(content)
      return action !== undefined && isWanted(action)
    })
  }
}

function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ')
}
