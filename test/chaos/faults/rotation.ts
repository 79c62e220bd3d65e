import { setTimeout as sleep } from 'node:timers/promises'
import { waitUntil } from '../../../agent/dev/process.ts'
import type { Fault } from './fault.ts'

/** The agent looks at its files every ten seconds. */
const NOTICED_MS = 25_000

/** Certificates of both ends and the API key change; then the old ones are refused. */
export const rotation: Fault = {
  name: 'certificates and API key rotated',
  async run(rig) {
    const { credentials, proxy } = rig
    await credentials.rotate()
    proxy.use(await credentials.serverTls())
    const { apiKey, client } = credentials
    proxy.forget()
    const shown = (): boolean =>
      proxy.seen.apiKeys.has(apiKey) && [...proxy.seen.clients].some((s) => s.includes(client))
    await waitUntil('the agent to show its new credentials', async () => shown(), rig.agent, NOTICED_MS)
    // Calls of the connection before are over by their deadline.
    await sleep(1_000)
    proxy.forget()
    proxy.accept(new Set([apiKey]))
    await waitUntil('calls with the new credentials', async () => shown(), rig.agent, NOTICED_MS)
    proxy.accept(undefined)
  },
}
