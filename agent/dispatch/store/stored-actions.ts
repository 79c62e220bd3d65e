import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** The actions that rows of the file name by number. They are never deleted, so each is read once. */
export class StoredActions {
  readonly #newer: StatementSync
  /** JSON by number. */
  readonly #known = new Map<number, string>()
  #last = 0

  constructor(db: DatabaseSync) {
    this.#newer = db.prepare('SELECT id, body FROM actions WHERE id > ? ORDER BY id')
  }

  /** Numbers of the actions whose JSON is wanted. Not inside a transaction that may be rolled back. */
  numbers(isWanted: (content: string) => boolean): number[] {
    for (const row of this.#newer.iterate(this.#last)) {
      this.#last = Number(row['id'])
      this.#known.set(this.#last, String(row['body']))
    }
    const numbers: number[] = []
    for (const [number, content] of this.#known) if (isWanted(content)) numbers.push(number)
    return numbers
  }
}
