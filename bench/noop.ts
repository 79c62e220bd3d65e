import type { Benchmark, Case } from './harness.ts'
import { CONTENDERS, type Running, startContender } from './noop/contenders.ts'
import { startEdge } from './noop/edge.ts'
import { rawCases, rawFigures } from './noop/raw.ts'
import { newFolder, setUp } from './noop/set-up.ts'
import { haproxyCases, haproxyFigures } from './noop/through-haproxy.ts'

const OURS = 'node-spoe'
/** Agents to compare with, by what figures call them. */
const PEERS = { haproxy_go: 'haproxy-go', negasus: 'negasus', rust: 'rust-spop' }

/** Everything but the decision: what SPOP itself costs, ours beside other languages' libraries. */
export const noop: Benchmark = {
  name: 'noop',
  description: 'a no-op agent behind real HAProxy: CPU per request and requests/s, beside the agents of Go and Rust',
  rounds: 5,
  async prepare({ haproxy, only, cleanup, progress }) {
    setUp(haproxy)
    const folder = newFolder(cleanup)
    const agents: Running[] = []
    for (const contender of CONTENDERS) {
      if (only !== undefined && !only.includes(contender.name)) continue
      const agent = await startContender(contender, folder, cleanup)
      if (agent !== undefined) agents.push(agent)
      else progress(`noop: no ${contender.name} on this machine (see above): its rows and figures are left out`)
    }
    let failed = 0
    const onFailed = (agent: Running, count: number): void => {
      if (agent.name.startsWith(OURS)) failed += count
      else if (count > 0) progress(`noop: ${count} of the requests to ${agent.name} have failed`)
    }
    const cases: Case[] = []
    const versions: Record<string, string> = Object.assign({}, ...agents.map((agent) => agent.versions))
    for (const series of haproxy) {
      const edge = await startEdge(series, agents, folder, cleanup)
      versions[`haproxy_${series}`] = edge.version
      cases.push(...haproxyCases(edge, agents, folder, cleanup, onFailed))
    }
    cases.push(...rawCases(agents, onFailed))
    return {
      cases,
      versions,
      figures: (samples) => ({
        ...Object.assign({}, ...haproxy.map((series) => haproxyFigures(samples, series, OURS, PEERS))),
        ...rawFigures(samples, OURS, PEERS),
        failed,
      }),
    }
  },
}
