import { spawnSync } from 'node:child_process'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { diskOf, inOwnMounts } from '../agent-process.ts'
import { between, type Fault } from './fault.ts'

const DISK_BYTES = 12 * 1024 * 1024

/** An agent whose outbox is on a small disk of its own: it fills up, stays full for a while, and is emptied. */
export const diskFull: Fault = {
  name: 'disk full',
  unable: () => {
    const [program, ...args] = [...inOwnMounts('/tmp', 4096), 'true']
    return spawnSync(program, args).status === 0 ? undefined : 'needs the right to mount a file system'
  },
  async run(rig, random) {
    const folder = join(rig.folder, 'disk')
    await rig.outage(async () => {
      await rig.stopAgent()
      await rig.startAgent({ disk: { folder, bytes: DISK_BYTES } })
    })
    const filler = join(diskOf(rig.agent, folder), 'filler')
    await rig.withoutDisk(async () => {
      // What cannot leave takes up room as well.
      if (random.once(2)) rig.proxy.inject(() => ({ code: 14 }))
      await sleep(between(random, 200, 1_000))
      fill(filler)
      await sleep(between(random, 1_500, 3_000))
      rmSync(filler)
      await sleep(between(random, 1_000, 2_000))
      rig.proxy.heal()
    })
    await sleep(between(random, 500, 1_500))
    await rig.outage(async () => {
      // The disk goes with its agent, and with it all that waits there.
      await rig.load.stop()
      await rig.untilDelivered()
      await rig.stopAgent()
      await rig.startAgent()
      rig.load.start()
    })
  },
}

/** Takes all room that is left. */
function fill(path: string): void {
  const file = openSync(path, 'w')
  const block = Buffer.alloc(4096)
  try {
    for (;;) writeSync(file, block)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  } finally {
    closeSync(file)
  }
}
