/** Milliseconds in which what was learned loses two thirds of its weight. */
const MEMORY_MS = 60_000
/** Events that the first guess counts as. */
const GUESS_EVENTS = 100

/**
 * Which share of a rule's requests may become events so that the rule keeps to its budget. What an event costs is learned
 * from what settled events have cost of late; the share is the budget divided by it. It follows slowly and promises
 * nothing for a moment: over minutes the budget holds. An outage, during which nothing settles, changes nothing.
 */
export class Budget {
  /** Share of the requests, above 0 and up to 1. */
  share = 1
  readonly #actionsPerRequest: number
  /** What of it goes to something else than events. */
  #elsewhere = 0
  #at: number
  #settled: number
  #actions: number
  /** What was settled and billed of late, the older the less. */
  #recentSettled = GUESS_EVENTS
  #recentActions: number

  /**
   * @param actionsPerRequest the budget, above 0
   * @param guess actions that an event is thought to cost before any has settled: 1, or for batches 1 for a full one
   * @param settled events of the rule that were settled so far, in whatever way; those that were sampled out are none
   * @param actions billed so far
   * @param nowMs milliseconds of a monotonic clock
   */
  constructor(actionsPerRequest: number, guess: number, settled: number, actions: number, nowMs: number) {
    this.#actionsPerRequest = actionsPerRequest
    this.#recentActions = guess * GUESS_EVENTS
    this.#settled = settled
    this.#actions = actions
    this.#at = nowMs
    this.#decide()
  }

  /**
   * Learns from the same counts as they are now. Meant for a few times a second; makes no garbage.
   *
   * @param elsewhere actions per request that something else costs than the events, below the budget
   */
  update(settled: number, actions: number, nowMs: number, elsewhere = 0): void {
    const newSettled = settled - this.#settled
    const newActions = actions - this.#actions
    const elapsed = Math.max(0, nowMs - this.#at)
    this.#at = nowMs
    this.#settled = settled
    this.#actions = actions
    this.#elsewhere = elsewhere
    // Without anything new there is nothing to forget the old for.
    if (newSettled <= 0 && newActions <= 0) return this.#decide()
    const kept = Math.exp(-elapsed / MEMORY_MS)
    this.#recentSettled = this.#recentSettled * kept + Math.max(0, newSettled)
    this.#recentActions = this.#recentActions * kept + Math.max(0, newActions)
    this.#decide()
  }

  #decide(): void {
    const affordable = (this.#actionsPerRequest - this.#elsewhere) * this.#recentSettled
    this.share = affordable >= this.#recentActions ? 1 : affordable / this.#recentActions
  }
}
