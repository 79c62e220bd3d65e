import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { COLUMNS } from './schema.ts'

interface Cut {
  readonly seq: number
  readonly events: number
  readonly body: string | Uint8Array
}

/** Rows that are settled, whole or in part, and leave the outbox with the next commit: by themselves they are not worth one. */
export class Departures {
  readonly #delete: StatementSync
  readonly #keep: StatementSync
  readonly #cut: StatementSync
  readonly #retain: boolean
  #delivered: number[] = []
  #removed: number[] = []
  #cuts: Cut[] = []

  /** @param retain whether delivered rows are kept for a replay */
  constructor(db: DatabaseSync, retain: boolean) {
    this.#retain = retain
    this.#delete = db.prepare('DELETE FROM outbox WHERE seq BETWEEN ? AND ?')
    this.#cut = db.prepare('UPDATE outbox SET events = ?, body = ? WHERE seq = ?')
    this.#keep = db.prepare(
      `INSERT OR REPLACE INTO delivered (${COLUMNS}, delivered_at) SELECT ${COLUMNS}, ? FROM outbox WHERE seq BETWEEN ? AND ?`,
    )
  }

  /** Rows that are to leave, or to lose a part. */
  get size(): number {
    return this.#delivered.length + this.#removed.length + this.#cuts.length
  }

  /** Rows of which the file still has what is not wanted any more. */
  get cutting(): number {
    return this.#cuts.length
  }

  deliver(seq: number): void {
    if (this.#retain) this.#delivered.push(seq)
    else this.#removed.push(seq)
  }

  remove(seq: number): void {
    this.#removed.push(seq)
  }

  /** @param events that are left @param body as it is to be stored */
  cut(seq: number, events: number, body: string | Uint8Array): void {
    this.#cuts.push({ seq, events, body })
  }

  /** Does it all, inside a transaction. Nothing is forgotten before {@link forget}: the transaction may fail. */
  apply(now: number): void {
    // First of all: what is kept of a row that leaves is what was left of it.
    for (const { seq, events, body } of this.#cuts) this.#cut.run(events, body, seq)
    for (const [from, to] of runs(this.#delivered)) {
      this.#keep.run(now, from, to)
      this.#delete.run(from, to)
    }
    for (const [from, to] of runs(this.#removed)) this.#delete.run(from, to)
  }

  forget(): void {
    this.#delivered = []
    this.#removed = []
    this.#cuts = []
  }
}

/** Neighbouring numbers as ranges: rows are delivered about in their order, and one statement deletes a whole run. */
function* runs(seqs: readonly number[]): Generator<readonly [from: number, to: number]> {
  if (seqs.length === 0) return
  const sorted = Float64Array.from(seqs).sort()
  let from = sorted[0] ?? 0
  let to = from
  for (let i = 1; i < sorted.length; i++) {
    const seq = sorted[i] ?? 0
    if (seq > to + 1) {
      yield [from, to]
      from = seq
    }
    to = seq
  }
  yield [from, to]
}
