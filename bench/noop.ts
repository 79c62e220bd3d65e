import type { Cleanup } from '../agent/dev/cleanup.ts'
import type { Benchmark, Case } from './harness.ts'
import { cpuBetween, readCpu } from './noop/cpu.ts'
import { CONTENDERS, type Running, startContender } from './noop/contenders.ts'
import { ALONE, type Edge, startEdge } from './noop/edge.ts'
import { newFolder, setUp } from './noop/set-up.ts'
import { runWrk } from './noop/wrk.ts'
import type { Samples } from './samples.ts'

const SECONDS = 3
const OURS = 'node-spoe'

/** Everything but the decision: what SPOP itself costs, ours beside other languages' libraries. */
export const noop: Benchmark = {
  name: 'noop',
  description: 'a no-op agent behind real HAProxy: CPU per request and requests/s, beside the agents of Go and Rust',
  rounds: 5,
  async prepare(context) {
    const { cleanup, progress } = context
    setUp(context.haproxy)
    const folder = newFolder(cleanup)
    const agents: Running[] = []
    for (const contender of CONTENDERS) {
      if (context.only !== undefined && !context.only.includes(contender.name)) continue
      const agent = await startContender(contender, folder, cleanup)
      if (agent !== undefined) agents.push(agent)
      else progress(`noop: no ${contender.name} on this machine (see above): its rows and figures are left out`)
    }
    const cases: Case[] = []
    const versions: Record<string, string> = Object.assign({}, ...agents.map((agent) => agent.versions))
    let failed = 0
    for (const version of context.haproxy) {
      const edge = await startEdge(version, agents, folder, cleanup)
      versions[`haproxy_${version}`] = edge.version
      for (const agent of [undefined, ...agents]) {
        cases.push({
          label: `${version} ${agent?.name ?? ALONE}`,
          unit: { rps: '/s', ...(agent && { cpu: 'us' }), p50: 'us', p99: 'us', failed: 'requests' },
          async measure() {
            const result = await measure(edge, agent, folder, cleanup)
            if (agent?.name.startsWith(OURS) === true) failed += result['failed'] ?? 0
            return result
          },
        })
      }
    }
    return { cases, versions, figures: (samples) => ({ ...figures(samples, context.haproxy), failed }) }
  },
}

/** @param agent none for HAProxy alone */
async function measure(
  edge: Edge,
  agent: Running | undefined,
  folder: string,
  cleanup: Cleanup,
): Promise<Record<string, number>> {
  const before = agent && readCpu(agent.process.pid)
  const { requests, seconds, refused, broken, p50, p99 } = await runWrk(
    edge.url(agent?.name ?? ALONE),
    SECONDS,
    folder,
    cleanup,
  )
  const cpu = agent && before && { cpu: cpuBetween(before, readCpu(agent.process.pid)) / 1000 / requests }
  return { rps: requests / seconds, ...cpu, p50, p99, failed: refused + broken }
}

/** Ours ÷ theirs: CPU below 1 and requests/s above 1 are better for us. */
function figures(samples: Samples, versions: readonly string[]): Record<string, number> {
  const result: Record<string, number> = {}
  for (const version of versions) {
    const key = version.replace('.', '_')
    const ratio = (metric: string, other: string, ours = OURS): number =>
      samples.ratio(`${version} ${ours} ${metric}`, `${version} ${other} ${metric}`)
    result[`cpu_us_${key}`] = samples.median(`${version} ${OURS} cpu`)
    for (const [name, peer] of [
      ['haproxy_go', 'haproxy-go'],
      ['negasus', 'negasus'],
      ['rust', 'rust-spop'],
    ] as const) {
      result[`cpu_vs_${name}_${key}`] = ratio('cpu', peer)
      result[`rps_vs_${name}_${key}`] = ratio('rps', peer)
    }
    result[`rps_vs_haproxy_alone_${key}`] = ratio('rps', ALONE)
    result[`cpu_unix_vs_tcp_${key}`] = ratio('cpu', OURS, `${OURS}-unix`)
    result[`rps_unix_vs_tcp_${key}`] = ratio('rps', OURS, `${OURS}-unix`)
  }
  return result
}
