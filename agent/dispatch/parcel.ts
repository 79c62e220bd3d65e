/**
 * What the two threads of the dispatcher say to each other. The store thread takes events in and keeps the books; the ship
 * thread makes the calls. Strings, because copying one to another thread is one copy of its bytes.
 */
import type { WorkflowAction } from './command.ts'

/** One event, or the records of one key that arrived together: what is stored in one row and settled as one. */
export interface Parcel {
  /** By which the ship thread tells what became of it. */
  readonly handle: number
  /** Index of its action; the ship thread has been given it before. */
  readonly action: number
  readonly workflowId: string
  readonly key: string
  /** Event id; of records the id of the chunk that they make up. */
  readonly id: string
  /** Milliseconds since the epoch, of the oldest event. */
  readonly at: number
  /** 1, or the number of records. */
  readonly events: number
  readonly tenant: string
  /** JSON of the body; of records, all of them with commas in between. */
  readonly body: string
  /** JSON of the `CallOptions`; empty without any. */
  readonly call: string
}

/** How the ship thread is done with a parcel. */
export const SETTLED = { delivered: 0, deduplicated: 1 } as const

/** A parcel that can never be delivered, whole, so that also one without a row can be kept. */
export interface DeadParcel {
  readonly parcel: Parcel
  readonly reason: string
  readonly attempts: number
}

export type ToShip =
  /** Names of all rules, before any parcel of theirs. */
  | { readonly type: 'rules'; readonly names: readonly string[] }
  /** Actions by index, from `first` on: an index means the same as long as the threads live. */
  | { readonly type: 'actions'; readonly first: number; readonly actions: readonly WorkflowAction[] }
  | { readonly type: 'parcels'; readonly parcels: readonly Parcel[] }
  /** All rules that are paused: what waits of them is given back, and so is what comes until they are none of these. */
  | { readonly type: 'recall'; readonly rules: readonly string[] }
  /** From now on batches go out at once. */
  | { readonly type: 'hurry' }
  /** Ends: calls in flight are given up. Answered by `stopped`. */
  | { readonly type: 'stop' }

export type ToStore =
  /** Outcomes of {@link SETTLED}, one for each handle. */
  | { readonly type: 'settled'; readonly handles: Float64Array; readonly outcomes: Uint8Array }
  | { readonly type: 'dead'; readonly letters: readonly DeadParcel[] }
  | { readonly type: 'recalled'; readonly parcels: readonly Parcel[] }
  /** Whether calls flow: while they do not, a stop need not wait for what is on disk. */
  | { readonly type: 'flowing'; readonly flowing: boolean }
  | { readonly type: 'stopped'; readonly inFlight: number }
