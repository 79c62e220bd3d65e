import { setTimeout as sleep } from 'node:timers/promises'
import { sendToEdge } from '../../../agent/dev/request.ts'
import { waitUntil } from '../../../agent/dev/process.ts'
import { between, type Fault } from './fault.ts'

const RELOADS = 4

/** agent.yaml changes and is read again, several times. */
export const reload: Fault = {
  name: 'agent.yaml reloaded',
  async run(rig, random) {
    for (let i = 0; i < RELOADS; i++) {
      rig.writeConfig(rig.generation + 1)
      rig.agent.signal('SIGHUP')
      await sleep(between(random, 200, 600))
    }
    const path = `/generation/${rig.generation}`
    const inForce = async (): Promise<boolean> => {
      const { status } = await sendToEdge(rig.port, rig.ca, { method: 'GET', path })
      return status === 200
    }
    await waitUntil('the last agent.yaml to be in force', inForce, rig.agent, 15_000)
  },
}
