/**
 * What an operator may ask of the outbox, by the command line, the admin server, or both: the same calls whether they run
 * inside the agent or on the file of one that is down.
 */

/** Which rows: all that is given must fit. */
export interface RowFilter {
  readonly rule?: string
  readonly id?: string
  /** Milliseconds since the epoch, of the event; `to` is not part of it. */
  readonly from?: number
  readonly to?: number
}

export type OutboxTable = 'pending' | 'dead' | 'delivered'

export type OutboxRequest =
  /** Rows, oldest first; `after` is the `seq` of the last one that was read before. */
  | {
      readonly call: 'list'
      readonly table: OutboxTable
      readonly filter: RowFilter
      readonly after?: number
      readonly limit: number
    }
  | { readonly call: 'show'; readonly id: string }
  /** Dead letters are tried again, under the same event id. */
  | { readonly call: 'redrive'; readonly filter: RowFilter }
  /** Rows are deleted; those that wait are counted as shed. */
  | { readonly call: 'purge'; readonly table: OutboxTable; readonly filter: RowFilter }
  /** Delivered events of a time are sent once more, under new event ids. */
  | { readonly call: 'replay'; readonly filter: RowFilter }
  | { readonly call: 'pause'; readonly rule: string }
  | { readonly call: 'resume'; readonly rule: string }
  | { readonly call: 'status' }

/** A row as it is shown; bodies and call options only where one is asked for. */
export interface OutboxRow {
  readonly table: OutboxTable
  readonly seq: number
  readonly id: string
  readonly rule: string
  readonly kind: string
  readonly workflowId: string
  readonly events: number
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Of dead letters: why, after how many attempts, and since when. */
  readonly reason?: string
  readonly attempts?: number
  readonly deadAt?: number
  /** Of delivered ones. */
  readonly deliveredAt?: number
}

export interface OutboxStatus {
  readonly path: string
  readonly events: Readonly<Record<OutboxTable, number>>
  /** Bytes of the file with its log. */
  readonly bytes: number
  readonly pausedRules: readonly string[]
  /** Milliseconds since the epoch of the oldest event that waits; absent when none does. */
  readonly oldestAt?: number
  readonly encrypted: boolean
}

/** What `redrive` and `replay` could not read, and left where it is. */
export interface Unreadable {
  readonly events: number
  /** Of the first of these rows. */
  readonly why: string
}

export type OutboxAnswer =
  | { readonly ok: true; readonly rows: readonly OutboxRow[]; readonly more: boolean }
  | {
      readonly ok: true
      readonly row: OutboxRow
      readonly action: unknown
      readonly body: unknown
      readonly callOptions: unknown
    }
  /** `changed`: events; of `pause` and `resume` rules. */
  | { readonly ok: true; readonly changed: number; readonly unreadable?: Unreadable }
  | { readonly ok: true; readonly status: OutboxStatus }
  | { readonly ok: false; readonly error: string }
