import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../fuzz/random.ts'
import { countersOf, heldBack, residentMb, unaccounted } from './agent-status.ts'
import { between, type Fault } from './faults/fault.ts'
import type { Sent } from './ledger.ts'
import type { Stage, Verdict } from './oracle.ts'
import type { Rig } from './rig.ts'
import { settle, type SettleTimes } from './settle.ts'

export interface StepReport extends SettleTimes {
  readonly name: string
  readonly sent: number
  readonly ok: number
  readonly refused: number
  readonly unknown: number
  /** Requests that were sent a second time, under the same idempotency key. */
  readonly again: number
  /** Why answers were refused or did not come, and how often. */
  readonly reasons: Readonly<Record<string, number>>
  readonly verdict: Verdict
  /** What is wrong beyond single events. */
  readonly failures: readonly string[]
  /** Milliseconds, of requests outside of outages. */
  readonly p50: number
  /** The same without those that may have waited for a disk. */
  readonly p99: number
  /** For how long at once the suite itself was not let run while it sent, in milliseconds. */
  readonly stallMs: number
  /** Events of rules that hold back which waited in the agent when the load was over. */
  readonly held: number
  /** Of the agent, at the end. */
  readonly residentMb: number | undefined
}

export interface StepOptions {
  /** Default: the names of its faults. */
  readonly name?: string
  /** Milliseconds of load before the faults, and after them. */
  readonly before: number
  readonly after: number
  /** How far all events of the step must be before the next one. */
  readonly stage: Stage
}

/**
 * Load, the faults beside each other, a little more load; then everything is counted.
 * @param own random numbers of a part of the step: which of two faults draws first is up to the machine
 */
export async function runStep(
  rig: Rig,
  faults: readonly Fault[],
  own: (part: number) => Random,
  { name = nameOf(faults), before, after, stage }: StepOptions,
): Promise<StepReport> {
  const [from, began] = [rig.ledger.sent.length, Date.now()]
  const failures: string[] = []
  const { agent } = rig
  const counters = await countersOf(rig.adminUrl)
  const stalls = monitorEventLoopDelay({ resolution: 10 })
  stalls.enable()
  rig.load.start()
  await sleep(between(own(0), before / 2, before))
  for (const { status, reason } of await settledAll(faults.map((fault, i) => fault.run(rig, own(i + 1))))) {
    if (status === 'rejected') failures.push(`fault: ${String(reason)}`)
  }
  rig.proxy.heal()
  await sleep(after)
  await rig.load.stop()
  stalls.disable()
  const held = await countersOf(rig.adminUrl).then(heldBack, () => 0)

  const { verdict, objections, deliveredMs, settledMs } = await settle(rig, { from, since: began, stage })
  failures.push(...objections)
  const sent = rig.ledger.sent.slice(from)
  // Counters of an agent that has been replaced are gone with it.
  if (rig.agent === agent && agent.end === undefined) {
    failures.push(...unaccounted(counters, await countersOf(rig.adminUrl), sent, verdict.coalesced))
  }
  const { ledger } = rig
  const count = (outcome: Sent['outcome']): number => sent.filter((one) => one.outcome === outcome).length
  return {
    name,
    sent: sent.length,
    ok: count('ok'),
    refused: count('refused'),
    unknown: count('unknown'),
    again: sent.filter(({ keyed }) => keyed).length / 2,
    reasons: countReasons(sent),
    verdict,
    failures,
    p50: quantile(sent, (one) => ledger.inOutage(one), 0.5),
    p99: quantile(sent, (one) => ledger.mayHaveWaited(one), 0.99),
    stallMs: Math.round(stalls.max / 1e6),
    held,
    residentMb: residentMb(rig.agent.pid),
    deliveredMs,
    settledMs,
  }
}

function nameOf(faults: readonly Fault[]): string {
  return faults.map(({ name }) => name).join(' + ') || 'undisturbed'
}

/** Each by itself: one that fails must not leave another one running into the next step. */
function settledAll(runs: readonly Promise<void>[]): Promise<{ status: string; reason?: unknown }[]> {
  return Promise.allSettled(runs)
}

function countReasons(sent: readonly Sent[]): Record<string, number> {
  const reasons: Record<string, number> = {}
  for (const { outcome, reason } of sent) {
    if (outcome !== 'ok') reasons[reason] = (reasons[reason] ?? 0) + 1
  }
  return reasons
}

function quantile(sent: readonly Sent[], isLeftOut: (one: Sent) => boolean, q: number): number {
  const sorted = sent
    .filter((one) => one.outcome === 'ok' && !isLeftOut(one))
    .map(({ sentAt, answeredAt }) => answeredAt - sentAt)
    .sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
}
