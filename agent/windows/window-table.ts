import type { WindowSummary } from '../messages.ts'
import { KeyWindow, type Outcome } from './key-window.ts'

/** Key of what is beyond {@link WindowRule.maxKeys}: counted together, not lost. No key of an event is like it. */
export const OTHER_KEYS = '~others'

/** Keys of one rule in one interval. Each becomes a signal: more are rather a matter of `meter`. */
export const DEFAULT_MAX_KEYS = 1000

/**
 * An interval ends so many milliseconds after its time, so that a clock that is set back a little finds the one it was in.
 */
export const GRACE_MS = 1000

/** What the table has to know of a rule. */
export interface WindowRule {
  readonly rule: string
  /** Length of its intervals in milliseconds; they begin at multiples of it. */
  readonly everyMs: number
  /** Default {@link DEFAULT_MAX_KEYS}. */
  readonly maxKeys?: number | undefined
}

/** One interval of one rule. */
interface Interval {
  readonly rule: string
  readonly everyMs: number
  readonly from: number
  readonly to: number
  readonly agent: string
  readonly keys: Map<string, KeyWindow>
}

interface Ended {
  readonly interval: Interval
  readonly key: string
  readonly window: KeyWindow
}

/**
 * Counts what requests came to, by rule, key and interval of the clock, and gives a summary of each when its time is over.
 * Takes the time from its caller. Counting a request of a known key and server makes no garbage.
 */
export class WindowTable {
  /** How often something was counted under {@link OTHER_KEYS}, because the interval had keys enough or none may be added. */
  overflowed = 0
  readonly #agent: string
  readonly #graceMs: number
  readonly #mayOpen: (rule: string) => boolean
  /** Those that may still count something, in the order in which they were opened. */
  #open: Interval[] = []
  /** Those in which the rules were last. */
  readonly #current = new Map<string, Interval>()
  /** Of the latest interval that each rule has had. */
  readonly #latest = new Map<string, number>()
  /** Of intervals that are over, and not taken yet. */
  #ended: Ended[] = []
  #lives = 0

  /**
   * @param agent names this process and no other one, nor an earlier life of it: summaries are told apart by it
   * @param mayOpen whether a rule may have one more key; asked for each, and what it says no to is counted together
   */
  constructor(agent: string, graceMs = GRACE_MS, mayOpen: (rule: string) => boolean = () => true) {
    this.#agent = agent
    this.#graceMs = graceMs
    this.#mayOpen = mayOpen
  }

  /** Windows that are not taken yet. */
  get size(): number {
    return this.#open.reduce((sum, { keys }) => sum + keys.size, this.#ended.length)
  }

  /** Counts a request that the rule lets through. @param nowMs milliseconds since the epoch */
  begin(rule: WindowRule, key: string, nowMs: number): void {
    this.#window(rule, key, nowMs).begin()
  }

  /** Counts how a request ended. @param nowMs milliseconds since the epoch */
  add(rule: WindowRule, key: string, outcome: Outcome, nowMs: number): void {
    this.#window(rule, key, nowMs).add(outcome)
  }

  /**
   * Takes the summaries of windows whose time is over; nothing is kept of them.
   * @param max so many at most: making them takes a moment each, and the next call gives the rest
   */
  due(nowMs: number, max = Number.POSITIVE_INFINITY): WindowSummary[] {
    if (this.#open.some((interval) => this.#isOver(interval, nowMs))) this.#end(nowMs)
    return this.#ended.splice(0, max).map(({ interval, key, window }) => {
      const { rule, from, to, agent } = interval
      return window.summary({ id: `${rule}/${key}/${from}/${agent}`, rule, key, from, to, agent })
    })
  }

  /** All of them, also those whose time is not over. */
  all(): WindowSummary[] {
    return this.due(Number.POSITIVE_INFINITY)
  }

  #window(rule: WindowRule, key: string, nowMs: number): KeyWindow {
    const current = this.#current.get(rule.rule)
    const fits =
      current !== undefined && nowMs >= current.from && nowMs < current.to && current.everyMs === rule.everyMs
    const interval = fits ? current : this.#move(rule, nowMs)
    return interval.keys.get(key) ?? this.#newKey(rule, interval, key)
  }

  #newKey({ rule, maxKeys = DEFAULT_MAX_KEYS }: WindowRule, { keys }: Interval, key: string): KeyWindow {
    let name = key
    if (keys.size >= maxKeys || !this.#mayOpen(rule)) {
      this.overflowed++
      name = OTHER_KEYS
    }
    const known = keys.get(name)
    if (known !== undefined) return known
    const window = new KeyWindow()
    keys.set(name, window)
    return window
  }

  /** Goes on to the interval of that moment: as a rule the next one, but clocks are set and configurations change. */
  #move({ rule, everyMs }: WindowRule, nowMs: number): Interval {
    const from = Math.floor(nowMs / everyMs) * everyMs
    let interval = this.#open.find((one) => one.rule === rule && one.everyMs === everyMs && one.from === from)
    if (interval === undefined) {
      // There may have been a summary of that rule and that moment, and another one must not be taken for its repetition.
      if (from <= (this.#latest.get(rule) ?? Number.NEGATIVE_INFINITY)) this.#lives++
      else this.#latest.set(rule, from)
      const agent = this.#lives === 0 ? this.#agent : `${this.#agent}.${this.#lives}`
      interval = { rule, everyMs, from, to: from + everyMs, agent, keys: new Map() }
      this.#open.push(interval)
    }
    this.#current.set(rule, interval)
    return interval
  }

  /** One that has not even begun was left behind by a clock that was set back, and would stay open for as long. */
  #isOver({ from, to }: Interval, nowMs: number): boolean {
    return to + this.#graceMs <= nowMs || from - this.#graceMs > nowMs
  }

  #end(nowMs: number): void {
    const open: Interval[] = []
    for (const interval of this.#open) {
      if (!this.#isOver(interval, nowMs)) {
        open.push(interval)
        continue
      }
      if (this.#current.get(interval.rule) === interval) this.#current.delete(interval.rule)
      for (const [key, window] of interval.keys) this.#ended.push({ interval, key, window })
    }
    this.#open = open
  }
}
