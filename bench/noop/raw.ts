import { load } from 'node-spoe/client'
import type { Case } from '../harness.ts'
import type { Samples } from '../samples.ts'
import type { Running } from './contenders.ts'
import { cpuBetween, readCpu } from './cpu.ts'

const DURATION_MS = 1_000

/**
 * What HAProxy does to an agent: from 3.1 on about as many connections as requests at once, one NOTIFY on each; before,
 * few connections with many.
 */
const SHAPES = [
  { name: '8x1', connections: 8, window: 1 },
  { name: '4x20', connections: 4, window: 20 },
] as const

type Shape = (typeof SHAPES)[number]

/** The arguments of spoe.conf, see edge.ts, with a token of the same size. */
const NOTIFY = {
  check: {
    id: '7F000001:C3A2_7F000001:1F90_6B000000_0001:00FF',
    src: { ip: '127.0.0.1' },
    method: 'GET',
    path: '/orders/42',
    host: '127.0.0.1:8080',
    auth: `Bearer ${'eyJhbGciOiJFUzI1NiJ9'.repeat(40)}`,
  },
}

/** Agents without HAProxy in front: NOTIFYs straight from a generator. */
export function rawCases(agents: readonly Running[], onFailed: (agent: Running, count: number) => void): Case[] {
  return SHAPES.flatMap((shape) =>
    agents.map((agent) => ({
      label: label(shape, agent.name),
      unit: { rps: '/s', cpu: 'us', p50: 'us', p99: 'us', failed: 'requests' },
      async measure() {
        const result = await measure(shape, agent)
        onFailed(agent, result.failed)
        return result
      },
    })),
  )
}

function label(shape: Shape, agent: string): string {
  return `raw ${shape.name} ${agent}`
}

async function measure(shape: Shape, { address, process, pipelining }: Running) {
  // As HAProxy does: as many at once, but each on a connection of its own.
  const { connections, window } = pipelining ? shape : { connections: shape.connections * shape.window, window: 1 }
  const before = readCpu(process.pid)
  const result = await load(address.url, { notify: NOTIFY, connections, window, durationMs: DURATION_MS })
  const cpu = cpuBetween(before, readCpu(process.pid)) / 1000 / result.answered
  const { sent, answered, aborted, unexpectedAcks, latencyMs, firstAck } = result
  // Every answer is made alike: the first tells what the others say.
  const right = firstAck?.variables['txn.decision'] === 'allow' ? 0 : answered
  const failed = sent - answered + aborted + unexpectedAcks + right
  return { rps: result.perSecond, cpu, p50: latencyMs.p50 * 1000, p99: latencyMs.p99 * 1000, failed }
}

/** Ours ÷ theirs, and ours by itself. */
export function rawFigures(
  samples: Samples,
  ours: string,
  peers: Readonly<Record<string, string>>,
): Record<string, number> {
  const result: Record<string, number> = {}
  for (const shape of SHAPES) {
    const row = (agent: string, metric: string): string => `${label(shape, agent)} ${metric}`
    result[`raw_notify_per_s_${shape.name}`] = samples.median(row(ours, 'rps'))
    result[`raw_cpu_us_${shape.name}`] = samples.median(row(ours, 'cpu'))
    for (const [key, peer] of Object.entries(peers)) {
      result[`raw_cpu_vs_${key}_${shape.name}`] = samples.ratio(row(ours, 'cpu'), row(peer, 'cpu'))
    }
  }
  return result
}
