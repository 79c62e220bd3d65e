import { setTimeout as sleep } from 'node:timers/promises'
import { waitUntil } from '../../../agent/dev/process.ts'
import { NAMESPACES } from '../lanes.ts'
import { between, type Fault } from './fault.ts'

/** Calls that must be refused, and calls that must go on meanwhile. */
const [REFUSED, PASSED] = [2, 20]

/** Milliseconds for each: whatever else happens at the same time, such as an agent that is stopped. */
const WITHIN_MS = 30_000

/** All calls to one namespace are refused, and those to the other one go on. */
export const oneNamespaceAway: Fault = {
  name: 'one namespace away',
  async run({ proxy }, random) {
    const away = random.pick(NAMESPACES)
    const [other = away] = NAMESPACES.filter((one) => one !== away)
    const { seen } = proxy
    const passed = (): number => seen.passed.get(other) ?? 0
    const refused = seen.injected + REFUSED
    proxy.inject((_path, namespace) => (namespace === away ? { code: 14 } : 'none'))
    await waitUntil(`calls to ${away}`, async () => seen.injected >= refused, undefined, WITHIN_MS)
    const enough = passed() + PASSED
    await sleep(between(random, 1_500, 4_000))
    await waitUntil(`calls to ${other} without ${away}`, async () => passed() >= enough, undefined, WITHIN_MS)
    proxy.heal()
  },
}
