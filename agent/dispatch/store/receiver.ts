import { PacketReader } from '../packet.ts'
import type { Log } from '../protocol.ts'
import type { RecentIds } from '../recent-ids.ts'
import type { RateLimits } from '../shape/rate-limit.ts'
import type { StoreActions } from './actions.ts'
import { Chunks } from './chunks.ts'
import type { Incoming } from './incoming.ts'
import type { Ledger } from './ledger.ts'
import { shapeKeyOf } from './shape-key.ts'
import type { Strict } from './strict.ts'

export interface ReceiverParts {
  readonly actions: StoreActions
  readonly ledger: Ledger
  readonly recent: RecentIds
  readonly chunks: Chunks
  readonly limits: RateLimits
  readonly strict: Strict
  readonly log: Log
}

/** Reads packets: leaves out what is known already or beyond its rate, and puts metered records together. */
export class Receiver {
  readonly #parts: ReceiverParts

  constructor(parts: ReceiverParts) {
    this.#parts = parts
  }

  /** What the packets hold, in their order, but chunks of records behind everything else. */
  read(packets: readonly Uint8Array[]): Incoming[] {
    const incoming: Incoming[] = []
    for (const packet of packets) {
      const frame = new PacketReader(packet)
      while (frame.next()) this.#one(frame, incoming)
    }
    for (const chunk of this.#parts.chunks.take()) incoming.push(chunk)
    return incoming
  }

  #one(frame: PacketReader, incoming: Incoming[]): void {
    const { actions, ledger, recent, chunks, limits, strict, log } = this.#parts
    const action = actions.ofHot(frame.action)
    const { ticket } = frame
    if (action === undefined) {
      log.error({ action: frame.action }, 'an event of an action that the thread was not told of: shed')
      ledger.refuse(ledger.row(''), 'shed', 1, frame.length)
      if (ticket > 0) strict.refuse(ticket)
      return
    }
    if (ticket > 0 && strict.join(frame.id, ticket)) {
      ledger.refuse(ledger.row(action.action.rule), 'deduplicated', 1, frame.length)
      return
    }
    if (recent.hasBytes(frame.bytes, frame.idStart, frame.idEnd)) {
      ledger.refuse(ledger.row(action.action.rule), 'deduplicated', 1, frame.length)
      // It waits for no answer any more, so it goes out or is gone: there is nothing to wait for.
      if (ticket > 0) strict.known(ticket)
      return
    }
    const { kind, rule, rateLimit } = action.action
    if (rateLimit !== undefined && !limits.take(action.action, keyOf(frame), performance.now())) {
      ledger.refuse(ledger.row(rule), 'rateLimited', 1, frame.length)
      // Nothing of it is to be stored, so there is nothing to wait for; nor to be remembered: it may be tried again.
      if (ticket > 0) strict.known(ticket)
      return
    }
    recent.addBytes(frame.bytes, frame.idStart, frame.idEnd)
    const claim = ticket > 0 ? strict.claim(frame.id, ticket) : undefined
    if (kind === 'meter') {
      chunks.add(action, frame, claim)
      return
    }
    incoming.push({
      action,
      id: frame.id,
      workflowId: frame.workflowId,
      key: frame.key,
      tenant: frame.tenant,
      at: frame.at,
      events: 1,
      call: frame.call,
      body: frame.body,
      bytes: frame.length,
      claims: claim === undefined ? [] : [claim],
    })
  }
}

/** Of what limits and holds back. */
function keyOf(frame: PacketReader): string {
  return shapeKeyOf(frame.call) ?? frame.workflowId
}
