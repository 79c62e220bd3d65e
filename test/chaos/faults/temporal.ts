import { setTimeout as sleep } from 'node:timers/promises'
import { waitUntil } from '../../../agent/dev/process.ts'
import type { Random } from '../../fuzz/random.ts'
import { EXHAUSTED, type Injection } from '../injection.ts'
import type { Rig } from '../rig.ts'
import { between, type Fault, fork } from './fault.ts'

/** Calls that are not touched tell the agent that all is well: some faults touch all calls, some a share. */
function share(random: Random): number {
  return random.once(3) ? 100 : between(random, 20, 80)
}

/** Milliseconds within which the agent must make calls again after a refusal: it asks a server that denies rarely. */
const SILENT_MS = 30_000

/** For so long, and until so many calls were touched: the agent may still be waiting because of what came before. */
async function injected(
  rig: Rig,
  random: Random,
  ms: number,
  what: (random: Random) => Injection,
  calls = 2,
): Promise<void> {
  const percent = share(random)
  const ofCalls = fork(random)
  const { seen } = rig.proxy
  const enough = seen.injected + calls
  rig.proxy.inject(() => (ofCalls.below(100) < percent ? what(ofCalls) : 'none'))
  await sleep(ms)
  await waitUntil('calls to Temporal', async () => seen.injected >= enough, rig.agent, SILENT_MS)
  rig.proxy.heal()
}

export const unavailable: Fault = {
  name: 'Temporal unavailable',
  run: (rig, random) => injected(rig, random, between(random, 1_500, 4_000), () => ({ code: 14 })),
}

/** RESOURCE_EXHAUSTED by each cause, one after the other. */
export const exhausted: Fault = {
  name: 'Temporal throttling',
  async run(rig, random) {
    const slice = between(random, 200, 800)
    for (const cause of EXHAUSTED) await injected(rig, random, slice, () => ({ code: 8, cause }))
  },
}

export const denied: Fault = {
  name: 'Temporal denying',
  run: (rig, random) =>
    injected(rig, random, between(random, 1_000, 2_000), (calls) => ({ code: calls.pick([7, 16]) }), 1),
}

/** Codes of servers and proxies that are not well, each call another one. */
export const failing: Fault = {
  name: 'Temporal failing',
  run: (rig, random) =>
    injected(rig, random, between(random, 1_500, 3_000), (calls) => ({ code: calls.pick([1, 2, 10, 13, 14]) })),
}

export const slow: Fault = {
  name: 'Temporal slow',
  run: (rig, random) => injected(rig, random, between(random, 2_500, 4_000), () => ({ slowMs: 2_000 })),
}

/** The call has its effect, and the agent hears of it only after its deadline: what it repeats must have no second one. */
export const late: Fault = {
  name: 'Temporal answering late',
  run: (rig, random) => injected(rig, random, between(random, 1_500, 6_000), () => 'late'),
}

export const cut: Fault = {
  name: 'connections cut',
  async run(rig, random) {
    for (let i = 0; i < 4; i++) {
      const chance = between(random, 5, 20)
      const what = (calls: Random): Injection => (calls.once(chance) ? calls.pick(['cut-before', 'cut-after']) : 'none')
      await injected(rig, random, between(random, 300, 800), what, 0)
      rig.proxy.cut()
    }
  },
}
