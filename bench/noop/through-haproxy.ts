import type { Cleanup } from '../../agent/dev/cleanup.ts'
import type { Case } from '../harness.ts'
import type { Samples } from '../samples.ts'
import type { Running } from './contenders.ts'
import { cpuBetween, readCpu } from './cpu.ts'
import { ALONE, type Edge } from './edge.ts'
import { runWrk } from './wrk.ts'

const SECONDS = 3

/** Every agent behind one HAProxy, and HAProxy without any. */
export function haproxyCases(
  edge: Edge,
  agents: readonly Running[],
  folder: string,
  cleanup: Cleanup,
  onFailed: (agent: Running, count: number) => void,
): Case[] {
  const alone: Case = {
    label: `${edge.series} ${ALONE}`,
    unit: { rps: '/s', p50: 'us', p99: 'us', failed: 'requests' },
    async measure() {
      const { requests, seconds, refused, broken, p50, p99 } = await runWrk(edge.url(ALONE), SECONDS, folder, cleanup)
      return { rps: requests / seconds, p50, p99, failed: refused + broken }
    },
  }
  const withAgent = (agent: Running): Case => ({
    label: `${edge.series} ${agent.name}`,
    unit: { rps: '/s', cpu: 'us', p50: 'us', p99: 'us', failed: 'requests' },
    async measure() {
      const before = readCpu(agent.process.pid)
      const result = await runWrk(edge.url(agent.name), SECONDS, folder, cleanup)
      const cpu = cpuBetween(before, readCpu(agent.process.pid)) / 1000 / result.requests
      const { requests, seconds, refused, broken, p50, p99 } = result
      onFailed(agent, refused + broken)
      return { rps: requests / seconds, cpu, p50, p99, failed: refused + broken }
    },
  })
  return [alone, ...agents.map(withAgent)]
}

/** Ours ÷ theirs: CPU below 1 and requests/s above 1 are better for us. */
export function haproxyFigures(
  samples: Samples,
  series: string,
  ours: string,
  peers: Readonly<Record<string, string>>,
): Record<string, number> {
  const key = series.replace('.', '_')
  const row = (agent: string, metric: string): string => `${series} ${agent} ${metric}`
  const ratio = (metric: string, agent: string, other: string): number =>
    samples.ratio(row(agent, metric), row(other, metric))
  const result: Record<string, number> = { [`cpu_us_${key}`]: samples.median(row(ours, 'cpu')) }
  for (const [name, peer] of Object.entries(peers)) {
    result[`cpu_vs_${name}_${key}`] = ratio('cpu', ours, peer)
    result[`rps_vs_${name}_${key}`] = ratio('rps', ours, peer)
  }
  result[`rps_vs_haproxy_alone_${key}`] = ratio('rps', ours, ALONE)
  result[`cpu_unix_vs_tcp_${key}`] = ratio('cpu', `${ours}-unix`, ours)
  result[`rps_unix_vs_tcp_${key}`] = ratio('rps', `${ours}-unix`, ours)
  return result
}
