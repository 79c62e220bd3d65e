import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { reservePort } from '../agent/dev/ports.ts'
import { startTemporal, temporalReady } from '../agent/dev/temporal.ts'
import { findTemporal } from '../agent/dev/tools.ts'
import { createDispatcher, type Dispatcher } from '../agent/dispatch/dispatcher.ts'
import { runInRealTime } from '../agent/realtime.ts'
import { keepPausesShort } from '../agent/short-pauses.ts'
import { newFolder, removeFolder } from '../test/support/folder.ts'
import { empty, fill } from './dispatch/backlog.ts'
import { MeteredEvents, offer } from './dispatch/metered.ts'
import { startsOf, startsOfSdk } from './dispatch/starts.ts'
import type { Benchmark, Case, Context } from './harness.ts'

/** Events a second that are offered: a little more than must be taken. */
const METERED_PER_S = 104_000
const METERED_SECONDS = 10
/** Keys of metered events: tenants that are busy at the same time. */
const KEYS = 16
const BACKLOG = 1_000_000
const BACKLOG_KEYS = 64
/** The real server takes some hundred starts a second. */
const STARTS_REAL = 800
const STARTS_STUB = 8_000

const REALTIME = 'metered, scheduling realtime'
const NORMAL = 'metered, scheduling normal'

/** What takes events and delivers them: at the rate that it must, beside the SDK's client, and out of a full outbox. */
export const dispatch: Benchmark = {
  name: 'dispatch',
  description: 'metered events a second, starts beside the bare SDK client, a backlog of a million events',
  rounds: 3,
  async prepare(context) {
    // As the agent does.
    keepPausesShort()
    const meteredCases = await metered(context)
    const scheduling = meteredCases[0]?.label ?? NORMAL
    return {
      cases: [...meteredCases, ...(await starts(context)), backlog(context)],
      figures: (samples) => ({
        metered_per_s: samples.median(`${scheduling} per second`),
        loop_p99_ms: samples.median(`${scheduling} loop p99`),
        loop_p99_ms_normal: samples.median(`${NORMAL} loop p99`),
        starts_vs_sdk_real: samples.ratio('starts, real server: agent', 'starts, real server: SDK'),
        starts_vs_sdk_stub: samples.ratio('starts, stub server: agent', 'starts, stub server: SDK'),
        backlog_last_vs_first_tenth: samples.median('backlog last vs first tenth'),
        backlog_per_s: samples.median('backlog per second'),
        rss_growth_mb: samples.median('backlog rss growth'),
      }),
    }
  },
}

/** With both values of `spop.scheduling`. */
async function metered(context: Context): Promise<Case[]> {
  const dispatcher = await start(context, (await realServer(context)).address)
  const measure = async (): Promise<Record<string, number>> => {
    // Other keys each time: without a worker their histories only grow, and are held back in the end.
    const events = new MeteredEvents(KEYS)
    const { perS, loopP99Ms } = await offer(dispatcher, events, { perS: METERED_PER_S, seconds: METERED_SECONDS })
    return { 'per second': perS, 'loop p99': loopP99Ms }
  }
  const unit = { 'per second': '1/s', 'loop p99': 'ms' }
  const normal = { label: NORMAL, unit, measure }
  const reason = runInRealTime()
  if (reason !== undefined) {
    context.progress(`dispatch: spop.scheduling is "normal" only, "realtime" is not to be had here: ${reason}`)
    return [normal]
  }
  runAsUsual()
  return [
    {
      label: REALTIME,
      unit,
      async measure() {
        runInRealTime()
        return measure().finally(runAsUsual)
      },
    },
    normal,
  ]
}

/** Whoever has the right by a limit only may not take the flag back; it means nothing to this policy. */
function runAsUsual(): void {
  execFileSync('chrt', ['--other', '--reset-on-fork', '--pid', '0', String(process.pid)])
}

async function starts(context: Context): Promise<Case[]> {
  const servers = [
    ['real', (await realServer(context)).address, STARTS_REAL],
    ['stub', await stubServer(context), STARTS_STUB],
  ] as const
  const cases: Case[] = []
  for (const [name, address, count] of servers) {
    const dispatcher = await start(context, address)
    const label = `starts, ${name} server:`
    cases.push(
      { label: `${label} agent`, unit: '1/s', measure: () => startsOf(dispatcher, count) },
      { label: `${label} SDK`, unit: '1/s', measure: () => startsOfSdk(address, count) },
    )
  }
  return cases
}

function backlog(context: Context): Case {
  return {
    label: 'backlog',
    unit: { 'last vs first tenth': '', 'per second': '1/s', 'rss growth': 'MiB' },
    async measure() {
      const port = await reservePort()
      const dispatcher = await start(context, `127.0.0.1:${port}`)
      context.progress('dispatch: a million events while Temporal is away')
      await fill(dispatcher, new MeteredEvents(BACKLOG_KEYS), BACKLOG)
      const server = await realServer(context, port)
      const { lastVsFirst, perS, growthMb } = await empty(dispatcher, BACKLOG)
      await dispatcher.drain(1_000)
      await server.stop()
      return { 'last vs first tenth': lastVsFirst, 'per second': perS, 'rss growth': growthMb }
    },
  }
}

async function start({ cleanup }: Context, address: string): Promise<Dispatcher> {
  const folder = newFolder()
  const log = { debug() {}, info() {}, warn: console.warn, error() {} }
  const dispatcher = createDispatcher({
    temporal: { address, namespace: 'default' },
    outbox: { path: join(folder, 'outbox.db'), maxRows: 2 * BACKLOG },
    rules: ['usage', 'orders'],
    log,
  })
  cleanup.add(() => removeFolder(folder))
  cleanup.add(() => dispatcher.drain(0))
  await dispatcher.start()
  return dispatcher
}

async function realServer(
  { cleanup }: Context,
  port?: number,
): Promise<{ readonly address: string; stop(): Promise<void> }> {
  const folder = newFolder()
  const server = startTemporal({ binary: findTemporal(), port: port ?? (await reservePort()), folder })
  cleanup.add(() => removeFolder(folder))
  cleanup.add(() => server.process.stop())
  await temporalReady(server)
  return { address: server.address, stop: () => server.process.stop() }
}

async function stubServer({ cleanup }: Context): Promise<string> {
  const script = join(import.meta.dirname, 'dispatch/stub-server.ts')
  const child = spawn(process.execPath, ['--conditions=node-spoe-source', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  cleanup.add(() => void child.kill())
  const [port] = (await once(child.stdout, 'data')) as [Buffer]
  return `127.0.0.1:${String(port).trim()}`
}
