/**
 * One strict event and the requests that brought it: a client that asks again under the same idempotency key, or HAProxy
 * that asks again, brings the same event. It goes out when one of them was let through, and leaves no trace when none was.
 */
export interface Claim {
  /** Event id. */
  readonly id: string
  /** Tickets of requests that are to be told what became of it. Empty once they were. */
  readonly tickets: number[]
  /** Which record of its chunk it is; 0 where it is no record. */
  record: number
  /** Requests that were told that it is on disk and are not answered yet. */
  open: number
  /** One of its requests was let through. */
  kept: boolean
}

export function newClaim(id: string, ticket: number): Claim {
  return { id, tickets: [ticket], record: 0, open: 0, kept: false }
}
