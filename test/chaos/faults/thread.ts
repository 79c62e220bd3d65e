import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { waitUntil } from '../../../agent/dev/process.ts'
import { countersOf, unbalanced } from '../agent-status.ts'
import type { Rig } from '../rig.ts'
import { between, type Fault } from './fault.ts'

/** One of the two threads behind the decision dies; the agent decides on, and starts both again. */
export const threadDies: Fault = {
  name: 'thread of the agent dies',
  async run(rig, random) {
    const threadFile = join(rig.folder, 'thread')
    await rig.outage(async () => {
      await rig.stopAgent()
      await rig.startAgent({ threadFile })
    })
    await sleep(between(random, 500, 1_500))
    const order = `dispatch ${random.pick(['store', 'ship'])} ${random.pick(['throws', 'exits'])}`
    await rig.withoutThreads(async () => {
      writeFileSync(`${threadFile}.draft`, order)
      renameSync(`${threadFile}.draft`, threadFile)
      await waitUntil(`the agent to notice that ${order}`, async () => noticed(rig) !== undefined, rig.agent)
      // Until then events went to threads that are gone; what they had in memory is gone as with the whole agent.
      rig.ledger.kills.push(noticed(rig) ?? Date.now())
      await waitUntil('both threads to run again', () => threadsRun(rig), rig.agent, 30_000)
    })
    await sleep(between(random, 500, 1_500))
    await rig.outage(async () => {
      await rig.load.stop()
      await rig.untilDelivered()
      const wrong = unbalanced(await countersOf(rig.adminUrl))
      await rig.stopAgent()
      await rig.startAgent()
      rig.load.start()
      if (wrong.length > 0) throw new Error(`after "${order}": ${wrong.join('; ')}`)
    })
  },
}

/** When this agent noticed that a thread had died, by its own clock, which is that of the suite. */
function noticed({ folder, agent }: Rig): number | undefined {
  const lines = readFileSync(join(folder, 'agent.log'), 'utf8').trimEnd().split('\n')
  const line = lines.findLast((one) => one.includes('a dispatcher thread died') && one.includes(`"pid":${agent.pid},`))
  return line === undefined ? undefined : (JSON.parse(line) as { time: number }).time
}

/** The store thread answers what only it can know. */
async function threadsRun({ adminUrl }: Rig): Promise<boolean> {
  const { ok } = await fetch(`${adminUrl}/outbox`, { signal: AbortSignal.timeout(5_000) })
  return ok
}
