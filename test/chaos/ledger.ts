import { isEnd, type Lane, LANES, type Tenant } from './lanes.ts'

/**
 * `ok`: answered 200, so the agent has promised its event. `refused`: answered otherwise. `unknown`: no answer came, and
 * nobody can tell whether there is an event.
 */
export type Outcome = 'ok' | 'refused' | 'unknown'

/** One request of the load client, with its answer. */
export interface Sent {
  readonly n: number
  readonly lane: Lane
  readonly tenant: Tenant
  /** It has an idempotency key, and is sent twice: its number is that of both. */
  readonly keyed: boolean
  /** The request whose workflow it ends, by number. */
  readonly ends?: number
  /** Milliseconds since the epoch. */
  readonly sentAt: number
  answeredAt: number
  outcome: Outcome
  /** HAProxy's unique-id; empty when no answer told it. */
  requestId: string
  /** Of a refusal: status and reason. Without an answer: the error. */
  reason: string
}

/**
 * A time in which answers may fail: `all`, because the agent or HAProxy is not there; `strict`, because there is no disk;
 * `threads`, as `strict`, because there is nobody who writes to it: what waits for them is stored when they are back.
 */
export interface Outage {
  readonly of: 'all' | 'strict' | 'threads'
  readonly from: number
  to: number
}

/** All that has been sent, and what happened meanwhile. Times are milliseconds since the epoch. */
export class Ledger {
  readonly sent: Sent[] = []
  readonly outages: Outage[] = []
  /** When the agent, or one of the threads that hold its events, was killed. */
  readonly kills: number[] = []
  /** When the agent ended without having delivered what it had in memory within `outbox.drain`. */
  readonly cutShort: number[] = []

  /** The event id of a request that has a key, or whose answer told its unique-id; the workflow id of one that is ended. */
  static eventId({ lane, requestId, keyed, tenant, n }: Sent): string {
    if (lane.endedBy !== undefined) return `${lane.rule}/${n}`
    return `${lane.rule}/${keyed ? `k:${tenant}/${n}` : requestId}`
  }

  /** The id of the workflow that it ends. */
  static targetOf({ lane, ends }: Sent): string | undefined {
    const ended = isEnd(lane.kind) ? LANES.find(({ endedBy }) => endedBy === lane) : undefined
    return ended === undefined ? undefined : `${ended.rule}/${ends}`
  }

  /** Whether nobody could be expected to answer. */
  inOutage({ sentAt, answeredAt }: Sent): boolean {
    return this.outages.some(({ of, from, to }) => of === 'all' && answeredAt >= from && sentAt <= to)
  }

  /**
   * Whether its event may be there although it was refused for want of a disk: what held the event died before the answer;
   * or its record waited for the threads in one chunk with others, which goes out if one of their requests was let through.
   */
  mayHaveEvent(sent: Sent): boolean {
    const { lane, sentAt, answeredAt } = sent
    if (this.inOutage(sent) || this.kills.some((at) => at >= sentAt && at <= answeredAt)) return true
    return (
      lane.kind === 'meter' &&
      this.outages.some(({ of, from, to }) => of === 'threads' && answeredAt >= from && sentAt <= to)
    )
  }

  /** Whether its client was told that there is no event, and that must be so. */
  hasNoEvent(sent: Sent): boolean {
    return sent.outcome === 'refused' && sent.reason.includes('event_not_stored') && !this.mayHaveEvent(sent)
  }

  /** Whether it may have been refused. */
  isExcused(sent: Sent): boolean {
    const { lane, reason } = sent
    if (this.inOutage(sent)) return true
    return lane.delivery === 'strict' && reason.includes('event_not_stored') && this.mayHaveWaited(sent)
  }

  /**
   * Whether its answer may have waited for what was not there: the agent, HAProxy, or what stores strict events. The client
   * has few connections, and while strict requests wait on all of them the others wait for one.
   */
  mayHaveWaited({ sentAt, answeredAt }: Sent): boolean {
    return this.outages.some(({ from, to }) => answeredAt >= from && sentAt <= to)
  }
}
