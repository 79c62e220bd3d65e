/** Share of a budget that windows may take. The rest is for events: without any, nobody would learn what they cost. */
const SHARE = 0.5
/** Actions that a window is reckoned at before it is sent: that of its signal, and of the workflow of a key that is new. */
const PRICE = 2
/** Windows that may be opened before the first request has paid for one. */
const FIRST = 10
/** Milliseconds in which what was learned loses two thirds of its weight, at least. */
const MEMORY_MS = 60_000
/** The same in intervals: windows are billed at their ends, and in between nothing is. */
const MEMORY_INTERVALS = 4

/**
 * How many windows a rule may open under its budget, and what they cost. Each request pays for its part of a window, and
 * what opens one takes a whole one: callers who make up keys thus find the rule's budget spent, and not exceeded.
 */
export class WindowAllowance {
  /** Actions that windows have cost for each request of late: at most their share of the budget. */
  perRequest = 0
  readonly #actionsPerRequest: number
  readonly #memoryMs: number
  /** More is not put by: it is what all keys of an interval take. */
  readonly #most: number
  #credit: number
  #at: number
  #requests: number
  #actions: number
  #recentRequests = 0
  #recentActions = 0

  /**
   * @param actionsPerRequest the budget, above 0
   * @param everyMs length of an interval
   * @param maxKeys windows of an interval, at most
   * @param requests of the rule so far
   * @param actions that Temporal has billed for its windows so far
   * @param nowMs milliseconds of a monotonic clock
   */
  constructor(
    actionsPerRequest: number,
    everyMs: number,
    maxKeys: number,
    requests: number,
    actions: number,
    nowMs: number,
  ) {
    this.#actionsPerRequest = actionsPerRequest
    this.#memoryMs = Math.max(MEMORY_MS, everyMs * MEMORY_INTERVALS)
    this.#most = PRICE * maxKeys
    this.#credit = PRICE * Math.min(FIRST, maxKeys)
    this.#requests = requests
    this.#actions = actions
    this.#at = nowMs
  }

  /** Whether there is budget for one more window, which is reckoned as opened then. */
  take(): boolean {
    if (this.#credit < PRICE) return false
    this.#credit -= PRICE
    return true
  }

  /** Learns from the same counts as they are now. Meant for a few times a second; makes no garbage. */
  update(requests: number, actions: number, nowMs: number): void {
    const newRequests = Math.max(0, requests - this.#requests)
    const kept = Math.exp(-Math.max(0, nowMs - this.#at) / this.#memoryMs)
    this.#credit = Math.min(this.#most, this.#credit + newRequests * this.#actionsPerRequest * SHARE)
    this.#recentRequests = this.#recentRequests * kept + newRequests
    this.#recentActions = this.#recentActions * kept + Math.max(0, actions - this.#actions)
    this.#requests = requests
    this.#actions = actions
    this.#at = nowMs
    const most = this.#actionsPerRequest * SHARE
    this.perRequest = this.#recentRequests === 0 ? 0 : Math.min(most, this.#recentActions / this.#recentRequests)
  }
}
