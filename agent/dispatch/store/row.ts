/** A row that is to be stored. */
export interface NewRow {
  readonly id: string
  /** JSON of the action. */
  readonly action: string
  readonly rule: string
  readonly workflowId: string
  readonly key: string
  readonly tenant: string
  /** Milliseconds since the epoch, of the oldest event. */
  readonly at: number
  readonly events: number
  readonly call: string
  readonly body: string
}

/** A row as it was read back. */
export interface StoredRow extends NewRow {
  readonly seq: number
}

/** A row that cannot be delivered as it stands. */
export interface UnreadableRow {
  readonly seq: number
  readonly rule: string
  readonly events: number
  readonly error: unknown
}

/** Bytes of a row beside its body and call: an estimate, page and index included. */
export const ROW_BYTES = 200

/** Bytes that a row takes on disk, near enough for a bound. */
export function rowBytes({ body, call }: Pick<NewRow, 'body' | 'call'>): number {
  return ROW_BYTES + body.length + call.length
}
