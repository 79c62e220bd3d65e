import type { WorkflowAction } from '../command.ts'
import { Counters, GLOBAL } from '../counters.ts'
import type { Parcel, ToShip, ToStore } from '../parcel.ts'
import type { FromThread, Log, TemporalOptions } from '../protocol.ts'
import type { Connections } from '../temporal/connections.ts'
import { endpointFor } from '../temporal/options.ts'
import { type ShipAction, shipActionOf } from './action.ts'
import type { Caller } from './caller.ts'
import type { PAUSES } from './gate.ts'
import { Outcomes } from './outcomes.ts'
import { Reporter } from './reporter.ts'
import type { Waits } from './reactions.ts'
import { Shipper } from './shipper.ts'

export interface ShipParts {
  /** Names by row of the counters. */
  readonly rules: readonly string[]
  readonly shared: SharedArrayBuffer
  readonly temporal: TemporalOptions
  /** Ended by `stop`. */
  readonly connections: Pick<Connections, 'of' | 'close'>
  readonly caller: Caller
  readonly log: Log
  readonly tellStore: (message: ToStore, transfer?: readonly ArrayBuffer[]) => void
  /** To the hot side. */
  readonly post: (message: FromThread) => void
  /** Other waits and pauses, for tests. */
  readonly waits?: Waits
  readonly pauses?: typeof PAUSES
}

/** An action, and who makes its calls. */
interface Route {
  readonly action: ShipAction
  readonly shipper: Shipper
}

/** Everything the ship thread does, apart from being a thread. It keeps no books of events: the store thread does. */
export class ShipEngine {
  readonly #parts: ShipParts
  readonly #counters: Counters
  readonly #outcomes: Outcomes
  readonly #reporter: Reporter
  readonly #shippers = new Map<string, Shipper>()
  readonly #default: Shipper
  readonly #routes: Route[] = []
  #paused: ReadonlySet<string> = new Set()
  #hurrying = false
  #flowing = true
  #stopped: Promise<void> | undefined

  constructor(parts: ShipParts) {
    const { rules, shared, tellStore, post, log, caller } = parts
    this.#parts = parts
    this.#counters = new Counters(rules, shared)
    this.#outcomes = new Outcomes(tellStore)
    this.#reporter = new Reporter(post, log)
    this.#default = this.#shipperOf(caller.namespace)
    this.#measure()
  }

  /** Takes what the store thread tells. */
  take(message: ToShip): void {
    // What is left where it is, the store thread settles.
    if (this.#stopped !== undefined) return
    switch (message.type) {
      case 'rules':
        this.#counters.addRules(message.names)
        return
      case 'actions':
        message.actions.forEach((action, i) => (this.#routes[message.first + i] = this.#routeOf(action)))
        return
      case 'parcels':
        this.#push(message.parcels)
        return
      case 'recall':
        this.#recall(message.rules)
        return
      case 'hurry':
        this.#hurry()
        return
      case 'stop':
        void this.stop()
    }
  }

  #hurry(): void {
    this.#hurrying = true
    const now = performance.now()
    for (const shipper of this.#shippers.values()) shipper.hurry(now)
    this.#measure()
  }

  /**
   * Tells what is settled and ends: calls in flight are given up. That it has stopped it says when the connections are
   * closed: whoever hears it may end the thread.
   */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop())
  }

  async #stop(): Promise<void> {
    let inFlight = 0
    for (const shipper of this.#shippers.values()) {
      shipper.stop()
      inFlight += shipper.inFlight
    }
    this.#outcomes.flush()
    await this.#parts.connections.close()
    this.#parts.tellStore({ type: 'stopped', inFlight })
  }

  #routeOf(action: WorkflowAction): Route {
    const compiled = shipActionOf(action, this.#parts.caller)
    return { action: compiled, shipper: this.#shipperOf(compiled.namespace) }
  }

  #push(parcels: readonly Parcel[]): void {
    const now = performance.now()
    for (const parcel of parcels) {
      const route = this.#routes[parcel.action]
      if (route === undefined) this.#outcomes.dead([parcel], 'unsendable: its action is unknown', 0)
      else if (this.#paused.has(route.action.rule)) this.#outcomes.recalled([parcel])
      else route.shipper.push(parcel, route.action, now)
    }
    for (const shipper of this.#shippers.values()) shipper.pump()
    this.#measure()
  }

  #recall(rules: readonly string[]): void {
    this.#paused = new Set(rules)
    if (rules.length === 0) return
    const now = performance.now()
    for (const shipper of this.#shippers.values()) this.#outcomes.recalled(shipper.recall(now))
  }

  #shipperOf(namespace: string): Shipper {
    let shipper = this.#shippers.get(namespace)
    if (shipper === undefined) {
      shipper = this.#open(namespace)
      this.#shippers.set(namespace, shipper)
    }
    return shipper
  }

  #open(namespace: string): Shipper {
    const { connections, caller, temporal, log, waits, pauses } = this.#parts
    const { address } = endpointFor(temporal, namespace)
    const shipper = new Shipper({
      namespace,
      calls: connections.of(namespace),
      caller,
      counters: this.#counters,
      outcomes: this.#outcomes,
      log,
      waits,
      pauses,
      isPaused: (rule) => this.#paused.has(rule),
      overloaded: (now) => {
        for (const one of this.#shippers.values()) one.rest(now)
      },
      observe: (condition, reason) => {
        this.#reporter.observe(namespace, address, condition, reason)
        if (shipper === this.#default) this.#tellFlow()
        this.#measure()
      },
      denied: (rule, rpc, reason) => this.#reporter.denied({ namespace, address, rule }, rpc, reason),
      allowed: (rule, isTaken) => this.#reporter.allowed({ namespace, address, rule }, isTaken),
    })
    if (this.#hurrying) shipper.hurry(performance.now())
    return shipper
  }

  #tellFlow(): void {
    const flowing = this.#default.isFlowing
    if (flowing === this.#flowing) return
    this.#flowing = flowing
    this.#parts.tellStore({ type: 'flowing', flowing })
  }

  #measure(): void {
    let inFlight = 0
    let concurrency = 0
    for (const shipper of this.#shippers.values()) {
      inFlight += shipper.inFlight
      concurrency += shipper.concurrency
    }
    this.#counters.global[GLOBAL.inFlight] = inFlight
    this.#counters.global[GLOBAL.concurrency] = concurrency
  }
}
