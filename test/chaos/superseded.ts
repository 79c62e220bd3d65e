import type { SentEvent } from './events.ts'
import type { Ledger, Sent } from './ledger.ts'

/**
 * Requests of rules with `debounce` whose events Temporal need not have, because it has a successor of theirs: another event
 * of their key that the agent may have taken after them. Of requests that overlap the client cannot know which one was
 * taken first, so each of them may be the later one. What has no such successor must be there itself.
 */
export function superseded(events: readonly SentEvent[], ledger: Ledger): ReadonlySet<Sent> {
  const debounced = events.filter(({ requests: [{ lane }] }) => lane.held === 'debounced')
  const latest = new Map<string, number>()
  for (const { requests, ids } of debounced) {
    // Without a key an event is that of one request.
    const [sent] = requests
    if (ids.length > 0) latest.set(keyOf(sent), Math.max(latest.get(keyOf(sent)) ?? 0, takenBy(sent, ledger)))
  }
  const gone = debounced.filter(
    ({ ids, requests: [sent] }) => ids.length === 0 && sent.sentAt <= (latest.get(keyOf(sent)) ?? -1),
  )
  return new Set(gone.map(({ requests: [sent] }) => sent))
}

function keyOf({ lane, tenant }: Sent): string {
  return `${lane.rule}/${tenant}`
}

/** When the agent had taken its event at the latest. One that was away may find the request when it is back. */
function takenBy(sent: Sent, { outages }: Ledger): number {
  const { outcome, sentAt, answeredAt } = sent
  if (outcome === 'ok') return answeredAt
  const away = outages.filter(({ of, from, to }) => of === 'all' && answeredAt >= from && sentAt <= to)
  return Math.max(answeredAt, ...away.map(({ to }) => to))
}
