import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { between, type Fault } from './fault.ts'

const HOUR_MS = 3_600_000

/** The agent's clock jumps back and forth by up to an hour. */
export const clockJumps: Fault = {
  name: 'clock jumps',
  async run(rig, random) {
    const clockFile = join(rig.folder, 'clock')
    writeFileSync(clockFile, '0')
    await rig.outage(async () => {
      await rig.stopAgent()
      await rig.startAgent({ clockFile })
    })
    for (let i = 0; i < 4; i++) {
      writeFileSync(clockFile, String(between(random, -HOUR_MS, HOUR_MS)))
      await sleep(between(random, 500, 1_500))
    }
    await rig.outage(async () => {
      await rig.stopAgent()
      await rig.startAgent()
    })
  },
}
