import { readFileSync } from 'node:fs'
import type { DispatchCounters, RuleCounters } from '../../agent/dispatch/counters.ts'
import { LANES } from './lanes.ts'
import type { Sent } from './ledger.ts'

/** The part of the counters that is looked at. */
type Rules = Pick<DispatchCounters, 'rules'>

/** Counters of the dispatcher, from the admin server. */
export async function countersOf(adminUrl: string): Promise<DispatchCounters> {
  const response = await fetch(`${adminUrl}/status`, { signal: AbortSignal.timeout(5_000) })
  return ((await response.json()) as { conservation: DispatchCounters }).conservation
}

/** Windows in which something is counted, or whose summaries are not made yet. */
export async function openWindows(adminUrl: string): Promise<number> {
  const response = await fetch(`${adminUrl}/metrics`, { signal: AbortSignal.timeout(5_000) })
  const value = /windows_open (\d+)$/m.exec(await response.text())?.[1]
  if (value === undefined) throw new Error('no metric of open windows')
  return Number(value)
}

/**
 * What is wrong with counters of an agent at rest: the law, and events that no fault of the suite may cost. A strict event
 * whose request was not answered as allowed, because it was not stored in time or HAProxy was gone, counts as shed.
 */
export function objectionsTo({ rules }: Rules, sent: readonly Sent[]): string[] {
  return Object.entries(rules).flatMap(([rule, counters]) => {
    const found = unbalanced({ rules: { [rule]: counters } })
    for (const end of ['deadLettered', 'pending', 'coalesced', 'sampledOut', 'windowed', 'rateLimited'] as const) {
      if (end === 'coalesced' && LANES.some((lane) => lane.rule === rule && lane.held === 'debounced')) continue
      if (counters[end] !== 0) found.push(`${rule}: ${end} ${counters[end]}`)
    }
    const unpromised = counters.shed === 0 ? 0 : sent.filter((one) => isUnpromised(one, rule)).length
    if (counters.shed > unpromised) found.push(`${rule}: shed ${counters.shed}, of which ${unpromised} may be`)
    return found
  })
}

/** Events that rules which hold back have not let go yet, or whose calls are on their way. */
export function heldBack({ rules }: Rules): number {
  return LANES.filter(({ held }) => held !== undefined).reduce((sum, { rule }) => sum + (rules[rule]?.pending ?? 0), 0)
}

/** Rules that do not know what has become of all that they have received. */
export function unbalanced({ rules }: Rules): string[] {
  return Object.entries(rules).flatMap(([rule, counters]) => {
    const sum = ended(counters) + counters.pending
    return counters.received === sum ? [] : [`${rule}: received ${counters.received}, but accounted for ${sum}`]
  })
}

function isUnpromised({ lane, outcome }: Sent, rule: string): boolean {
  return lane.rule === rule && lane.delivery === 'strict' && outcome !== 'ok'
}

function ended(counters: RuleCounters): number {
  const { delivered, deduplicated, coalesced, sampledOut, windowed, rateLimited, shed, deadLettered } = counters
  return delivered + deduplicated + coalesced + sampledOut + windowed + rateLimited + shed + deadLettered
}

/**
 * What is wrong with the counters of an agent that has served all of these requests, between two looks at them.
 * @param coalesced by rule, events that must have been coalesced, because Temporal does not have them
 */
export function unaccounted(
  before: Rules,
  after: Rules,
  sent: readonly Sent[],
  coalesced: Readonly<Record<string, number>> = {},
): string[] {
  // A rule with windows receives summaries, and how many they are is up to the clock.
  return LANES.filter(({ kind }) => kind !== 'window').flatMap(({ rule }) => {
    const [old, now] = [before.rules[rule], after.rules[rule]]
    if (now === undefined) return [`${rule}: no counters`]
    const grown = (name: keyof RuleCounters): number => now[name] - (old?.[name] ?? 0)
    const all = sent.filter(({ lane }) => lane.rule === rule)
    // One event is one, however often its client has sent it.
    const ok = new Set(all.filter(({ outcome }) => outcome === 'ok').map(({ n }) => n)).size
    // HAProxy asks again where a connection breaks.
    const received = grown('received') - grown('deduplicated')
    const problems: string[] = []
    if (received < ok || received > all.length) {
      const those = `of ${all.length} requests those of ${ok} events were answered 200`
      problems.push(`${rule}: ${those}, but ${received} were received`)
    }
    const missing = coalesced[rule] ?? 0
    if (missing > grown('coalesced')) {
      problems.push(`${rule}: ${missing} events are not there, but ${grown('coalesced')} were coalesced`)
    }
    return problems
  })
}

/** Resident memory of a process in MB; undefined where /proc does not tell. */
export function residentMb(pid: number): number | undefined {
  try {
    const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kb === undefined ? undefined : Math.round(Number(kb) / 1024)
  } catch {
    return undefined
  }
}
