import { GRACE_MS } from '../../agent/windows/window-table.ts'
import { ENTITIES, type Entity } from './lanes.ts'
import type { Ledger, Sent } from './ledger.ts'
import { DURABLE_WINDOW_MS } from './loss.ts'
import type { Violation } from './oracle.ts'
import type { Sightings, WindowCounts } from './sightings.ts'

/** Interval of all rules with windows, in milliseconds: the shortest one that a rule may have. */
export const EVERY_MS = 5_000

/** Milliseconds between two looks of the agent for windows that are over. */
const LOOK_MS = 250

/**
 * Milliseconds from the answer to a request until its count is on disk, at most: its interval ends, a summary is made of it,
 * and that is an event of the class `durable`.
 */
export const COUNT_WINDOW_MS = EVERY_MS + GRACE_MS + LOOK_MS + DURABLE_WINDOW_MS

/** HAProxy asks so many times more where it loses the agent, and each time is counted. */
const ASKED_AGAIN = 2

/** Milliseconds before an outage in which what HAProxy tells of a response may not reach the agent. */
const BEFORE_OUTAGE_MS = 1_000

const NOTHING: WindowCounts = { begun: 0, answered: 0 }

/** Requests so far, and what they came to by workflow. */
interface Balance {
  readonly sent: number
  readonly counts: ReadonlyMap<string, WindowCounts>
}

/**
 * Requests of rules with windows, which send no event of a request but sums. They are compared as sums: which request is in
 * which interval is up to the agent's clock.
 */
export class WindowBook {
  #closed: Balance = { sent: 0, counts: new Map() }
  #judged = this.#closed

  /** What is wrong with all that was sent since {@link close}. Every window must be closed, and its summary delivered. */
  judge(ledger: Ledger, sightings: Sightings): Violation[] {
    const since = ledger.sent.slice(this.#closed.sent)
    const counts = new Map(entities().map((entity) => [entity.workflowId, countsOf(entity, sightings)]))
    this.#judged = { sent: ledger.sent.length, counts }
    return entities().flatMap((entity) => {
      const sent = since.filter(({ lane, tenant }) => lane === entity.lane && tenant === entity.tenant)
      const now = counts.get(entity.workflowId) ?? NOTHING
      const before = this.#closed.counts.get(entity.workflowId) ?? NOTHING
      return [
        ...compare(entity, 'requests', now.begun - before.begun, begunOf(sent, ledger)),
        ...compare(entity, 'responses', now.answered - before.answered, answeredOf(sent, ledger)),
      ]
    })
  }

  /** What was judged last is settled: what comes from now on must be of requests from then on. */
  close(): void {
    this.#closed = this.#judged
  }
}

function entities(): readonly Entity[] {
  return ENTITIES.filter(({ lane }) => lane.kind === 'window')
}

function countsOf({ workflowId }: Entity, sightings: Sightings): WindowCounts {
  return sightings.entities.find((sight) => sight.workflowId === workflowId)?.counts ?? NOTHING
}

type Bounds = readonly [least: number, most: number]

function compare({ workflowId: where }: Entity, what: string, count: number, [least, most]: Bounds): Violation[] {
  if (count >= least && count <= most) return []
  return [{ what: count < least ? 'lost' : 'doubled', where, which: `${count} ${what}, of ${least} to ${most}` }]
}

/** How many requests must have been counted, and may have been. Each that was answered 200 was let through by the agent. */
function begunOf(sent: readonly Sent[], ledger: Ledger): Bounds {
  const least = sent.filter((one) => one.outcome === 'ok' && !mayBeForgotten(one, ledger)).length
  const again = sent.filter((one) => ledger.inOutage(one)).length
  return [least, sent.length + ASKED_AGAIN * again]
}

/** The same of responses: HAProxy tells of each once, when a server has answered, and does not try again. */
function answeredOf(sent: readonly Sent[], ledger: Ledger): Bounds {
  const least = sent.filter((one) => {
    const beforeOutage = ledger.inOutage({ ...one, answeredAt: one.answeredAt + BEFORE_OUTAGE_MS })
    return one.outcome === 'ok' && !beforeOutage && !mayBeForgotten(one, ledger)
  }).length
  return [least, sent.filter(({ outcome }) => outcome !== 'refused').length]
}

/** Whether a kill may have taken its count along: of the interval that went on, or of a summary on its way to the disk. */
function mayBeForgotten({ sentAt, answeredAt }: Sent, { kills }: Ledger): boolean {
  return kills.some((at) => at >= sentAt && at <= answeredAt + COUNT_WINDOW_MS)
}
