/** What one lane, or what has none, holds of its namespace's share. */
export class LaneLoad {
  readonly #share: Share
  /** Empty: rows of no lane. */
  readonly workflowId: string
  /** Rows on their way. */
  rows = 0
  /** Rows that are held back, and take nothing of the share. */
  #held = 0
  weight = 0

  constructor(share: Share, workflowId: string) {
    this.#share = share
    this.workflowId = workflowId
  }

  /** A row has come into memory. */
  join(events: number, bytes: number): void {
    this.rows++
    this.#weigh(this.#share.weightOf(events, bytes))
  }

  /** A row that is on its way has left memory. */
  leave(events: number, bytes: number): void {
    this.rows--
    this.#weigh(-this.#share.weightOf(events, bytes))
    this.#forget()
  }

  /** A row is held back from now on. */
  hold(events: number, bytes: number): void {
    this.#held++
    this.rows--
    this.#weigh(-this.#share.weightOf(events, bytes))
  }

  /** A row that was held back is on its way. */
  release(events: number, bytes: number): void {
    this.#held--
    this.join(events, bytes)
  }

  #weigh(weight: number): void {
    this.weight += weight
    this.#share.weigh(weight)
  }

  /** Lanes cost memory only while they hold something: callers choose how many there are. */
  #forget(): void {
    if (this.rows + this.#held === 0) this.#share.lanes.delete(this.workflowId)
  }
}

/** What all lanes of a namespace hold together. */
export interface Share {
  weight: number
  readonly lanes: Map<string, LaneLoad>
  weightOf(events: number, bytes: number): number
  /** Adds to the weight of the share. */
  weigh(weight: number): void
}
