/** What a limit says of a request. */
export interface LimitVerdict {
  readonly allowed: boolean
  /** Whole seconds, 1 at least, after which a request is allowed if none comes in between; 0 when this one is. */
  readonly retryAfterS: number
  /** Requests that would be allowed at this moment after this one. */
  readonly remaining: number
}

export type VerdictSlot = { -readonly [K in keyof LimitVerdict]: LimitVerdict[K] }

/** How a limit counts, for many keys at once, by slot. Times are whole milliseconds that never go back. */
export interface Meter {
  /** Makes room for slots below `capacity`. */
  resize(capacity: number): void
  /** Forgets what is known of a slot. */
  clear(slot: number): void
  /** Whether the slot is as if nobody had ever used it. */
  isIdle(slot: number, time: number): boolean
  /** Judges a request. @param counts whether it is counted when it is allowed */
  judge(slot: number, time: number, counts: boolean, into: VerdictSlot): void
}

export function allow(into: VerdictSlot, remaining: number): void {
  into.allowed = true
  into.retryAfterS = 0
  into.remaining = remaining
}

/** @param waitMs until a request is allowed, more than 0 */
export function refuse(into: VerdictSlot, waitMs: number): void {
  into.allowed = false
  into.retryAfterS = Math.max(1, Math.ceil(waitMs / 1000))
  into.remaining = 0
}

export function grown(array: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(length)
  larger.set(array)
  return larger
}
