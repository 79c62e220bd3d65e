import { setTimeout as sleep } from 'node:timers/promises'
import { countersOf, objectionsTo, openWindows } from './agent-status.ts'
import { judge, type Stage, type Verdict, type Violation } from './oracle.ts'
import type { Rig } from './rig.ts'

/**
 * Milliseconds until everything must be delivered after all is well again, and as many from then on until workflow code must
 * be done with it: a machine with other work may take a minute for each.
 */
const SETTLE_MS = 90_000

export interface SettleOptions {
  /** The first request to look at, by its place in the ledger. */
  readonly from: number
  /** Milliseconds since the epoch: when it was sent. */
  readonly since: number
  readonly stage: Stage
}

export interface Settled {
  readonly verdict: Verdict
  /** What is wrong with processes and counters. */
  readonly objections: readonly string[]
}

/** Milliseconds until the agent had nothing left to deliver, and until all else was there, too. */
export interface SettleTimes {
  readonly deliveredMs: number
  readonly settledMs: number
}

/** Where nothing could be looked at. */
const NOTHING: Verdict = {
  violations: [],
  seen: 0,
  coalesced: {},
  lostMemory: 0,
  lostDurable: 0,
  durableWindowMs: 0,
  unpromised: 0,
  duplicates: 0,
  runs: 0,
}

/** Looks until nothing is wrong any more, or until what is wrong has had its time to come right. Nothing may be sent. */
export async function settle(rig: Rig, options: SettleOptions): Promise<Settled & SettleTimes> {
  const began = Date.now()
  const past = (): number => Date.now() - began
  let deliveredMs: number | undefined
  for (;;) {
    let verdict = NOTHING
    const objections = await notAtRest(rig, options.stage)
    // What is not delivered yet need not be looked for.
    if (objections.length === 0) {
      deliveredMs ??= past()
      try {
        verdict = await look(rig, options)
      } catch (error) {
        objections.push(`cannot look: ${String(error)}`)
      }
    }
    const late = objections.length > 0 || verdict.violations.some(isPerhapsLate)
    if (!late || past() > SETTLE_MS + (deliveredMs ?? 0)) {
      rig.windows.close()
      return { verdict, objections, deliveredMs: deliveredMs ?? past(), settledMs: past() }
    }
    await sleep(500)
  }
}

/** Workflow code is asked only when all has arrived: answers cost its worker more than the events. */
async function look({ ledger, watcher, windows }: Rig, { from, since, stage }: SettleOptions): Promise<Verdict> {
  const arrived = judge(ledger, await watcher.look(since, false), { from, stage: 'arrived' })
  if (stage === 'arrived' || arrived.violations.some(isPerhapsLate)) return arrived
  const sightings = await watcher.look(since, true)
  const verdict = judge(ledger, sightings, { from, stage })
  return { ...verdict, violations: [...verdict.violations, ...windows.judge(ledger, sightings)] }
}

/** What is wrong with processes and counters. Windows take some seconds to close, and are looked at in the end alone. */
async function notAtRest({ agent, worker, adminUrl, ledger }: Rig, stage: Stage): Promise<string[]> {
  const ended = [agent, worker].flatMap(({ name, end }) => (end === undefined ? [] : [`the ${name} ${end}`]))
  if (agent.end !== undefined) return ended
  try {
    // First: what they come to is an event of its own.
    const open = stage === 'worked' ? await openWindows(adminUrl) : 0
    if (open > 0) ended.push(`${open} windows are open`)
    return [...ended, ...objectionsTo(await countersOf(adminUrl), ledger.sent)]
  } catch (error) {
    return [...ended, `no counters: ${String(error)}`]
  }
}

function isPerhapsLate({ what }: Violation): boolean {
  return what === 'lost' || what === 'unfinished' || what === 'miscounted'
}
