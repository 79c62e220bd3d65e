import type { WorkflowAction } from '../command.ts'
import type { Parcel, ToShip } from '../parcel.ts'
import { Shaper } from '../shape/shaper.ts'
import type { StoreActions } from './actions.ts'
import type { Holding } from './holding.ts'
import type { StoreAction } from './incoming.ts'
import type { Ledger } from './ledger.ts'
import { shapeKeyOf } from './shape-key.ts'

export interface OutgoingParts {
  readonly actions: StoreActions
  readonly ledger: Ledger
  /** What is held back here. */
  readonly holding: Holding
  readonly tell: (message: ToShip) => void
  /** Told of a parcel whose place another one has taken: it will not go. */
  readonly coalesced: (parcel: Parcel) => void
}

/** Whether something may hold events of the action back. */
export function isShaped({ debounce, throttle }: WorkflowAction): boolean {
  return debounce !== undefined || throttle !== undefined
}

/** The way out, to the ship thread: through what holds parcels back, gathered into one message. */
export class Outgoing {
  readonly #parts: OutgoingParts
  readonly #shaper: Shaper<Parcel>
  #waiting: Parcel[] = []

  constructor(parts: OutgoingParts) {
    this.#parts = parts
    this.#shaper = new Shaper((parcel) => {
      this.#release(parcel)
      parts.coalesced(parcel)
    })
  }

  /** Takes a parcel, to go with the next `send` if nothing holds it back. @param now milliseconds, monotonic */
  add(parcel: Parcel, { action }: StoreAction, now: number): void {
    const key = isShaped(action) ? (shapeKeyOf(parcel.call) ?? parcel.workflowId) : ''
    if (this.#shaper.offer(parcel, action, key, now) === 'now') this.#waiting.push(parcel)
    else {
      this.#parts.holding.add(action.rule, this.#bytesOf(parcel))
      this.#parts.ledger.hold(parcel.handle)
    }
  }

  /** When something that is held back is due, on the clock of `now`. */
  nextDue(): number | undefined {
    return this.#shaper.nextDue()
  }

  /** Sends what may go at `now`. @param all whatever is held back as well */
  send(now: number, all: boolean): void {
    const { actions, tell } = this.#parts
    // Not spread into one call: there may be more than a stack holds.
    for (const parcel of all ? this.#shaper.flush() : this.#shaper.due(now)) {
      this.#release(parcel)
      this.#waiting.push(parcel)
    }
    const news = actions.news()
    if (news !== undefined) tell({ type: 'actions', ...news })
    if (this.#waiting.length === 0) return
    tell({ type: 'parcels', parcels: this.#waiting })
    this.#waiting = []
  }

  /** Takes back what is held of a rule. */
  recall(rule: string): Parcel[] {
    const parcels = this.#shaper.recall(rule)
    for (const parcel of parcels) this.#release(parcel)
    return parcels
  }

  /** The parcel is not held any more. */
  #release(parcel: Parcel): void {
    const { actions, holding, ledger } = this.#parts
    holding.remove(actions.at(parcel.action).action.rule, this.#bytesOf(parcel))
    ledger.release(parcel.handle)
  }

  /** As the books have it, which know of the parcel as long as it is held. */
  #bytesOf({ handle }: Parcel): number {
    return this.#parts.ledger.entry(handle)?.bytes ?? 0
  }
}
