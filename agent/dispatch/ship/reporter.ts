import { LineBudget } from '../../line-budget.ts'
import type { Rpc } from '../classify.ts'
import type { FromThread, Log, TemporalState } from '../protocol.ts'
import { METHODS } from '../temporal/calls.ts'
import type { PauseCause } from './gate.ts'

/** How a namespace takes calls. */
export type Condition = 'connected' | 'slowed' | PauseCause

/** Milliseconds between two messages that only bring the reason of another failure. */
const REASON_MS = 250
/** Milliseconds that an overloaded namespace must be well again: the pauses of an overload are short, and come in rows. */
const WELL_MS = 5_000

/** A rule, and where its calls go. */
export interface RuleAt {
  readonly namespace: string
  readonly address: string
  readonly rule: string
}

/** Tells the operator how Temporal is: once per change of a namespace, and never once per call. */
export class Reporter {
  readonly #post: (message: FromThread) => void
  readonly #log: Log
  readonly #conditions = new Map<string, Condition>()
  /** Rules that are refused, by namespace and name. */
  readonly #denied = new Map<string, string>()
  readonly #deniedLines = new LineBudget()
  #state: TemporalState = 'unknown'
  #lastError: string | undefined
  #toldAt = -Infinity
  #overloadedAt = -Infinity

  constructor(post: (message: FromThread) => void, log: Log) {
    this.#post = post
    this.#log = log
  }

  /**
   * Looks at a namespace after one attempt. `condition`: undefined when the attempt says nothing about it. `reason`: why
   * the attempt failed, if it did.
   */
  observe(namespace: string, address: string, condition: Condition | undefined, reason: string | undefined): void {
    const now = performance.now()
    const changed = this.#changes(namespace, condition, now)
    if (!changed && (reason === undefined || reason === this.#lastError || now - this.#toldAt < REASON_MS)) return
    this.#toldAt = now
    if (condition !== undefined && changed) {
      this.#conditions.set(namespace, condition)
      this.#say(condition, { address, namespace, ...(reason !== undefined && { err: reason }) })
    }
    this.#state = this.#worst()
    // What is mended is no error any more; of several namespaces the last error stays while one of them is away.
    this.#lastError = reason ?? (changed && this.#state === 'connected' ? undefined : this.#lastError)
    this.#post({ type: 'state', temporal: this.#state, lastError: this.#lastError })
  }

  /** The calls of a rule are refused, and those of others are not. */
  denied(at: RuleAt, rpc: Rpc, reason: string): void {
    this.#denied.set(keyOf(at), at.rule)
    this.#tellDenied()
    const call = METHODS[rpc].path.slice(METHODS[rpc].path.lastIndexOf('/') + 1)
    const suppressed = this.#deniedLines.take()
    if (suppressed === undefined) return
    this.#log.error(
      { ...at, call, err: reason, ...(suppressed > 0 && { suppressed }) },
      'Temporal refuses the calls of a rule, and takes others: its events wait until it may make them',
    )
  }

  /** They are taken, or nothing of the rule waits any more. */
  allowed(at: RuleAt, isTaken: boolean): void {
    this.#denied.delete(keyOf(at))
    this.#tellDenied()
    if (isTaken && this.#deniedLines.take() !== undefined) this.#log.info(at, 'Temporal takes the calls of the rule')
  }

  #tellDenied(): void {
    this.#post({ type: 'denied', rules: [...new Set(this.#denied.values())] })
  }

  #changes(namespace: string, condition: Condition | undefined, now: number): boolean {
    if (condition === 'overloaded') this.#overloadedAt = now
    const before = this.#conditions.get(namespace)
    if (condition === undefined || condition === before) return false
    return !(before === 'overloaded' && condition === 'connected' && now - this.#overloadedAt < WELL_MS)
  }

  /** One namespace that is away needs somebody to look at it, however well the others are. */
  #worst(): TemporalState {
    const all = [...this.#conditions.values()]
    if (all.some((one) => one === 'unavailable' || one === 'parked')) return 'unavailable'
    return all.length > 0 ? 'connected' : 'unknown'
  }

  #say(condition: Condition, fields: object): void {
    switch (condition) {
      case 'unavailable':
        this.#log.error(fields, 'Temporal does not answer: events wait and are delivered when it does')
        return
      case 'parked':
        this.#log.error(fields, 'Temporal refuses the agent: check namespace, API key and certificates, events wait')
        return
      case 'overloaded':
        this.#log.warn(fields, 'Temporal is overloaded: events wait')
        return
      case 'slowed':
        this.#log.warn(fields, 'Temporal asks for fewer calls: slowing down')
        return
      case 'connected':
        this.#log.info(fields, 'Temporal takes events')
    }
  }
}

function keyOf({ namespace, rule }: RuleAt): string {
  return JSON.stringify([namespace, rule])
}
