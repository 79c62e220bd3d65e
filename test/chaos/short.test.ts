import { expect, it } from 'vitest'
import { Cleanup } from '../../agent/dev/cleanup.ts'
import { haproxyBinary } from '../support/edge.ts'
import { withFolder } from '../support/folder.ts'
import type { Fault } from './faults/fault.ts'
import { haproxyKilled, agentKilledWithBacklog, temporalKilled, workerKilled } from './faults/kill.ts'
import { oneNamespaceAway } from './faults/namespace.ts'
import { reload } from './faults/reload.ts'
import { rotation } from './faults/rotation.ts'
import { agentStopped } from './faults/stop.ts'
import { cut, exhausted, late } from './faults/temporal.ts'
import { render } from './report.ts'
import { runChaos } from './run.ts'

/** What the long form does one by one, two by two, so that all of it fits into a minute and a half. */
const STEPS: readonly (readonly Fault[])[] = [
  // First, because what a killed worker had begun is begun again only half a minute later.
  [workerKilled, exhausted],
  [agentKilledWithBacklog],
  [temporalKilled, reload],
  [rotation, late],
  [haproxyKilled, cut],
  [agentStopped, oneNamespaceAway],
]

const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 2 ** 31)

it(`loses and doubles no event whatever breaks (CHAOS_SEED=${seed})`, { timeout: 600_000 }, async () => {
  await withFolder(async (folder) => {
    const report = await runChaos({
      seed,
      folder,
      haproxyBinary: haproxyBinary('3.0'),
      rate: 120,
      load: { before: 800, after: 500, stage: 'arrived' },
      steps: () => STEPS,
      // Other tests may have had the machine to themselves a moment ago: only gross failures count.
      slower: { p50: { times: 10, ms: 250 } },
      cleanup: new Cleanup(),
      progress: () => undefined,
    })
    console.log(render(report))
    expect(report.problems).toEqual([])
  })
})
