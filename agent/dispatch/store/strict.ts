import type { Parcel } from '../parcel.ts'
import type { FromInlet } from '../protocol.ts'
import { type Claim, newClaim } from './claim.ts'
import type { StoreAction } from './incoming.ts'

/** A strict event, or a chunk of them, that is on disk and must not go out yet. */
export interface Unanswered {
  readonly parcel: Parcel
  readonly action: StoreAction
}

/** One whose requests are all answered, as far as it matters. */
export interface Answered extends Unanswered {
  /** Events of it that no request was let through for. */
  readonly refused: readonly Claim[]
}

interface Hold extends Unanswered {
  readonly claims: readonly Claim[]
  /** Claims that are neither kept nor refused by all their requests. */
  undecided: number
}

/**
 * Strict events between the packet and the answer to their requests. The hot side is told whether they are on disk,
 * answers, and says whether the request was let through.
 *
 * What an id can be, and what another request of it is told:
 *
 *     being read    not on disk: both wait for the disk, and are told the same
 *     unanswered    on disk, told of, no request let through: `stored`; it holds the event as the first one does
 *     promised      a request was let through: `stored`, whatever becomes of this one
 *     taken back    all requests were refused: the id is forgotten, the next one is the first
 *
 * Of ids that are promised or remembered nothing is known here; what is on disk after a restart is as good as promised.
 */
export class Strict {
  readonly #tell: (message: FromInlet) => void
  /** Being read or unanswered, by event id: no number of other ids may make one of them forgotten. */
  readonly #claims = new Map<string, Claim>()
  /** What is on disk, by the tickets that are to be answered. */
  readonly #open = new Map<number, Claim>()
  readonly #holds = new Map<Claim, Hold>()
  #stored: number[] = []
  #failed: number[] = []

  constructor(tell: (message: FromInlet) => void) {
    this.#tell = tell
  }

  /** An event that is new: a request waits to hear of it. */
  claim(id: string, ticket: number): Claim {
    const claim = newClaim(id, ticket)
    this.#claims.set(id, claim)
    return claim
  }

  /** Another request of an event that is not decided. False: there is no such event. */
  join(id: string, ticket: number): boolean {
    const claim = this.#claims.get(id)
    if (claim === undefined) return false
    const hold = this.#holds.get(claim)
    if (hold === undefined) claim.tickets.push(ticket)
    else if (claim.kept) this.known(ticket)
    else {
      // It was refused, but stands in a chunk that waits for others: it is not late for this one.
      if (claim.open === 0) hold.undecided++
      this.#opened(claim, ticket)
    }
    return true
  }

  /** They are on disk. */
  stored(claims: readonly Claim[], { parcel, action }: Unanswered): void {
    const hold = { parcel, action, claims, undecided: claims.length }
    for (const claim of claims) {
      this.#holds.set(claim, hold)
      for (const ticket of claim.tickets.splice(0)) this.#opened(claim, ticket)
    }
  }

  /** There is nothing to wait for: the event is known already, or there is to be none. */
  known(ticket: number): void {
    this.#stored.push(ticket)
  }

  /** They are on disk already, and will go out. */
  duplicates(claims: readonly Claim[]): void {
    for (const { id, tickets } of claims) {
      this.#claims.delete(id)
      for (const ticket of tickets) this.#stored.push(ticket)
    }
  }

  /** The disk did not take them. */
  failed(claims: readonly Claim[]): void {
    for (const { id, tickets } of claims) {
      this.#claims.delete(id)
      for (const ticket of tickets) this.refuse(ticket)
    }
  }

  /** There is nothing on disk for this request. */
  refuse(ticket: number): void {
    this.#failed.push(ticket)
  }

  /** Tells the hot side what was stored and what was not since the last time. */
  tell(): void {
    if (this.#stored.length + this.#failed.length === 0) return
    this.#tell({ stored: this.#stored, failed: this.#failed })
    this.#stored = []
    this.#failed = []
  }

  /** Requests were answered. Returns what waits for no other answer. */
  answer(kept: readonly number[], refused: readonly number[]): Answered[] {
    const answered: Answered[] = []
    for (const ticket of kept) this.#answerOne(ticket, true, answered)
    for (const ticket of refused) this.#answerOne(ticket, false, answered)
    return answered
  }

  /** What waits for answers that will never come, where other requests of it were refused. */
  leftOpen(): Answered[] {
    const left: Answered[] = []
    for (const { parcel, action, claims } of new Set(this.#holds.values())) {
      const refused = claims.filter(({ open, kept }) => open === 0 && !kept)
      if (refused.length > 0) left.push({ parcel, action, refused })
    }
    return left
  }

  #opened(claim: Claim, ticket: number): void {
    claim.open++
    this.#open.set(ticket, claim)
    this.#stored.push(ticket)
  }

  #answerOne(ticket: number, kept: boolean, answered: Answered[]): void {
    const claim = this.#open.get(ticket)
    if (claim === undefined) return
    this.#open.delete(ticket)
    claim.open--
    // The first one that is let through decides: those that come again and again must not keep it from going out.
    if (claim.kept || (!kept && claim.open > 0)) return
    claim.kept = kept
    const hold = this.#holds.get(claim)
    if (hold === undefined || --hold.undecided > 0) return
    const { parcel, action, claims } = hold
    for (const one of claims) {
      this.#claims.delete(one.id)
      this.#holds.delete(one)
    }
    answered.push({ parcel, action, refused: claims.filter((one) => !one.kept) })
  }
}
