import type { WorkflowAction } from '../command.ts'
import { Debouncer } from './debounce.ts'
import { partOfKey } from './keys.ts'
import { Throttle } from './throttle.ts'

/** What is debounced, and the key by which it is throttled afterwards. */
interface Quiet<T> {
  readonly item: T
  readonly throttleKey: string
}

/** What holds back the items of one rule under certain settings. */
interface Holder<T> {
  readonly rule: string
  readonly debouncer: Debouncer<Quiet<T>> | undefined
  readonly throttle: Throttle<T> | undefined
}

/**
 * Holds items back as their actions ask: first until their key has been quiet (`debounce`), then until it is their turn
 * (`throttle`). Items are whatever stands for an event; what waits here is bounded by whoever offers them. Times are
 * milliseconds of a monotonic clock.
 */
export class Shaper<T> {
  readonly #coalesced: (item: T) => void
  readonly #byAction = new WeakMap<WorkflowAction, Holder<T>>()
  readonly #holders = new Map<string, Holder<T>>()
  /** Those that hold something. */
  readonly #busy = new Set<Holder<T>>()

  /** @param coalesced told of every item whose place another one of its key has taken: it will not go */
  constructor(coalesced: (item: T) => void) {
    this.#coalesced = coalesced
  }

  /** Items that are held. */
  get size(): number {
    let size = 0
    for (const { debouncer, throttle } of this.#busy) size += (debouncer?.size ?? 0) + (throttle?.size ?? 0)
    return size
  }

  /**
   * `now`: the item may go. `held`: `due` gives it, or `coalesced` is told of it.
   *
   * @param key the `shapeKey` of its call, or its workflow id
   */
  offer(item: T, action: WorkflowAction, key: string, now: number): 'now' | 'held' {
    if (action.debounce === undefined && action.throttle === undefined) return 'now'
    const holder = this.#holderOf(action)
    const throttleKey = holder.throttle === undefined ? '' : partOfKey(action, key, 'throttle')
    if (holder.debouncer !== undefined) {
      const replaced = holder.debouncer.offer({ item, throttleKey }, partOfKey(action, key, 'debounce'), now)
      this.#busy.add(holder)
      if (replaced !== undefined) this.#coalesced(replaced.item)
      return 'held'
    }
    if (holder.throttle?.offer(item, throttleKey, now) !== false) return 'now'
    this.#busy.add(holder)
    return 'held'
  }

  /** Takes out what may go by now. */
  due(now: number): T[] {
    const items: T[] = []
    for (const holder of this.#busy) {
      const { debouncer, throttle } = holder
      // What waits for its turn already is older than what has just become quiet.
      for (const item of throttle?.due(now) ?? []) items.push(item)
      for (const { item, throttleKey } of debouncer?.due(now) ?? []) {
        if (throttle === undefined || throttle.offer(item, throttleKey, now)) items.push(item)
      }
      this.#rest(holder)
    }
    return items
  }

  /** When to ask for what is due, never too late; undefined when nothing is held. */
  nextDue(): number | undefined {
    let next: number | undefined
    for (const { debouncer, throttle } of this.#busy) {
      const due = Math.min(debouncer?.nextDue() ?? Infinity, throttle?.nextDue() ?? Infinity)
      if (next === undefined || due < next) next = due
    }
    return next
  }

  /** Takes out everything that is held. */
  flush(): T[] {
    return [...this.#busy].flatMap((holder) => this.#takeAll(holder))
  }

  /** Takes out everything that is held of a rule. */
  recall(rule: string): T[] {
    return [...this.#busy].filter((holder) => holder.rule === rule).flatMap((holder) => this.#takeAll(holder))
  }

  #takeAll(holder: Holder<T>): T[] {
    const { debouncer, throttle } = holder
    this.#busy.delete(holder)
    const items = throttle?.takeAll() ?? []
    for (const { item } of debouncer?.takeAll() ?? []) items.push(item)
    return items
  }

  #rest(holder: Holder<T>): void {
    if ((holder.debouncer?.size ?? 0) + (holder.throttle?.size ?? 0) === 0) this.#busy.delete(holder)
  }

  /** Equal settings of a rule share what they hold and count: a reload that changes nothing here begins nothing anew. */
  #holderOf(action: WorkflowAction): Holder<T> {
    const known = this.#byAction.get(action)
    if (known !== undefined) return known
    const { rule, debounce, throttle } = action
    const content = JSON.stringify([rule, debounce, throttle])
    let holder = this.#holders.get(content)
    if (holder === undefined) {
      holder = {
        rule,
        debouncer: debounce && new Debouncer(debounce),
        throttle: throttle && new Throttle(throttle),
      }
      // Settings of before: those whose actions are gone go with what they hold, which `busy` keeps.
      for (const [text, other] of this.#holders) if (other.rule === rule) this.#holders.delete(text)
      this.#holders.set(content, holder)
    }
    this.#byAction.set(action, holder)
    return holder
  }
}
