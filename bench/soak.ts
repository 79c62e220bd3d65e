import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Cleanup } from '../agent/dev/cleanup.ts'
import { ROOT } from '../agent/dev/tools.ts'
import { endOnSignal, fail } from './ending.ts'
import { machine } from './harness.ts'
import { type Contender, type Running, startContender } from './noop/contenders.ts'
import { startEdge } from './noop/edge.ts'
import { newFolder, setUp } from './noop/set-up.ts'
import { CLIENTS, runWrk } from './noop/wrk.ts'
import { Pace } from './soak/pace.ts'
import { readSamples } from './soak/sample.ts'
import { judge } from './soak/verdict.ts'

const USAGE = 'npm run soak -- [--minutes 30] [--haproxy 3.2] [--rate REQUESTS_PER_SECOND] [--json]'
const SAY_EVERY_MS = 30_000
/** Two samples of the agent: the last one is taken when nothing is in flight. */
const REST_MS = 11_000
const MIB = 2 ** 20

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    haproxy: { type: 'string', default: '3.2' },
    rate: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const minutes = Number(values.minutes)
if (!(minutes >= 2) || (values.rate !== undefined && !(Number(values.rate) >= 1))) {
  console.error(`${USAGE}\n  at least 2 minutes; without --rate half of what was measured as the maximum`)
  process.exit(2)
}

const cleanup = new Cleanup()
endOnSignal(() => cleanup)

const contender: Contender = {
  name: 'soak',
  transport: 'tcp',
  pipelining: true,
  command: ({ url }) => [
    process.execPath,
    '--conditions=node-spoe-source',
    '--expose-gc',
    join(ROOT, 'bench/soak/agent.ts'),
    url,
  ],
  versions: () => ({}),
}

await main().catch(fail)

async function main(): Promise<void> {
  try {
    await soak()
  } finally {
    await cleanup.run()
  }
}

async function soak(): Promise<void> {
  setUp([values.haproxy])
  const folder = newFolder(cleanup)
  const agent = (await startContender(contender, folder, cleanup)) as Running
  const edge = await startEdge(values.haproxy, [agent], folder, cleanup)
  const rate = values.rate === undefined ? await halfOfMaximum(edge.url(agent.name), folder) : Number(values.rate)
  console.error(`• soak: ${rate} requests/s through HAProxy ${edge.version} for ${minutes} minutes`)
  const load = await send(agent, edge.port(agent.name), rate)
  await wait(REST_MS)
  const { samples, complaints } = readSamples(agent.process.logFile)
  const verdict = judge(samples, complaints, load)
  const versions = { node: process.versions.node, haproxy: edge.version }
  const report = {
    name: 'soak',
    machine: machine(),
    versions,
    minutes,
    rate,
    samples: samples.length,
    load,
    ...verdict,
  }
  console.log(values.json ? JSON.stringify(report) : JSON.stringify(report, undefined, 2))
  process.exitCode = verdict.ok ? 0 : 1
}

async function halfOfMaximum(url: string, folder: string): Promise<number> {
  await runWrk(url, 2, folder, cleanup)
  const { requests, seconds } = await runWrk(url, 5, folder, cleanup)
  console.error(`• soak: ${Math.round(requests / seconds)} requests/s at the most`)
  return Math.round(requests / seconds / 2)
}

async function send(agent: Running, port: number, perSecond: number): ReturnType<Pace['stop']> {
  const paths = Array.from({ length: 100 }, (_, n) => `/orders/${n}`)
  const headers = { host: 'orders.example', authorization: `Bearer ${'eyJhbGciOiJFUzI1NiJ9'.repeat(40)}` }
  const pace = new Pace({ port, perSecond, connections: CLIENTS, headers, paths })
  const end = performance.now() + minutes * 60_000
  while (performance.now() < end) {
    await wait(Math.min(SAY_EVERY_MS, Math.ceil(end - performance.now())))
    cleanup.throwIfStopping()
    if (agent.process.end !== undefined) throw new Error(`the agent ${agent.process.end}\n${agent.process.logTail()}`)
    const sample = readSamples(agent.process.logFile).samples.at(-1)
    const memory = sample && `rss ${mib(sample.rss)}, heap ${mib(sample.heapUsed)} MiB, ${sample.fds} fds`
    console.error(`• soak: ${pace.allowed} allowed, ${pace.refused} refused; ${memory ?? 'no sample yet'}`)
  }
  return pace.stop()
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1)
}
