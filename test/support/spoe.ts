import { readFileSync, writeFileSync } from 'node:fs'
import { type Agent as Connections, type OutgoingHttpHeaders, request } from 'node:http'
import { join } from 'node:path'
import { Cleanup } from '../../agent/dev/cleanup.ts'
import { haproxyReady, startHaproxy } from '../../agent/dev/haproxy.ts'
import { reservePort } from '../../agent/dev/ports.ts'
import { type ManagedProcess, waitUntil } from '../../agent/dev/process.ts'
import { type Agent, type AgentOptions, createAgent } from '../../node-spoe/src/index.ts'
import { type HaproxyVersion, haproxyBinary } from './edge.ts'
import { newFolder, removeFolder } from './folder.ts'
import { haproxyConfig, spoeConfig } from './spoe-config.ts'

/** A SPOE engine: a filter of the frontend `web`, its spoe-agent section, and the servers it asks. */
export interface Engine {
  /** Also the `var-prefix`; default `demo`. Its backend is called `NAME-agents`. */
  readonly name?: string
  /** `tcp://host:port` or `unix:///path`, whoever listens there: one `server` line each, called a1, a2 ... */
  readonly agents: readonly string[]
  /** The spoe-message and spoe-group sections. Messages with an `event` and all groups are announced by themselves. */
  readonly messages: string
  /** More lines of the spoe-agent section. */
  readonly options?: string
  /** Parameters of health checks, `inter 100ms fall 2 rise 1`. Default: none, the servers count as up. */
  readonly check?: string
  /** Lines of its backend. */
  readonly backend?: string
  /** Default 20s, so that a loaded machine times nothing out. */
  readonly processingTimeout?: string
  /** Written into the frontend `web`, default true; otherwise the test writes `filterLine` where it wants it. */
  readonly filter?: boolean
}

export interface SpoeOptions extends Engine {
  readonly version: HaproxyVersion
  /** Lines of the frontend `web`, behind its filters. What they do not answer goes to `app`, which says 200. */
  readonly web?: string
  /** Lines of the backend `app`, whose server is the frontend `origin`. */
  readonly app?: string
  /** Lines of the frontend `origin`, before its own answer. */
  readonly origin?: string
  /** More sections of haproxy.cfg. */
  readonly sections?: string
  /** More lines of `global`. */
  readonly global?: string
  /** Further engines of the same frontend. */
  readonly engines?: readonly Engine[]
  /** Environment variables that shall hold a free port each, for `bind "127.0.0.1:${NAME}"` in the lines above. */
  readonly ports?: readonly string[]
  /** Default 1: on HAProxy up to 3.0 each thread has its own connections to the agent. */
  readonly threads?: number
  /** So that `reload` works. */
  readonly masterWorker?: boolean
}

export interface SpoeRequest {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Buffer
  /** Default: the port of the frontend `web`. */
  readonly port?: number
  readonly host?: string
  /** To use connections again; default: one for this request. */
  readonly connections?: Connections
}

export interface SpoeResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
}

/** HAProxy's log line of one event or group. */
export interface SpoeEvent {
  readonly agent: string
  /** `on-frontend-http-request`, or the name of a group. */
  readonly event: string
  readonly sid: number
  /** 0, or why the agent's answer did not come: see `option set-on-error` in SPOE.txt. */
  readonly status: number
  /** HAProxy did not send the question, though all of its connections to agents were idle: up to 3.0, its log says so. */
  readonly unsent: boolean
}

/**
 * Events that HAProxy 2.6 forgot, as it says itself. Without pipelining it looks for questions that wait when it has a new
 * one, but not when a connection has had its answer: of those that came before an idle connection had its turn, only one
 * goes out (2.6.12; 3.0.11 looks). Nothing that an agent does can change that.
 */
export function forgotten({ version, events }: Pick<Spoe, 'version' | 'events'>): SpoeEvent[] {
  return version === '2.6' ? events().filter(({ status, unsent }) => status === 1 && unsent) : []
}

export interface Spoe {
  readonly version: HaproxyVersion
  readonly port: number
  readonly haproxy: ManagedProcess
  readonly folder: string
  /** The port that was reserved under this name. */
  portOf(name: string): number
  get(path: string, options?: SpoeRequest): Promise<SpoeResponse>
  /** All events so far, oldest first. */
  events(): SpoeEvent[]
  /** Waits for an event that is `wanted` among those after the first `skip`, and returns all after those. */
  untilEvents(wanted: (events: SpoeEvent[]) => boolean, skip?: number): Promise<SpoeEvent[]>
  /** Servers of an engine's backend that HAProxy holds for up. */
  serversUp(engine?: string): Promise<number>
  /** SIGUSR2 to the master, and waits until a new worker has taken over. */
  reload(): Promise<void>
  /** Ends HAProxy and removes its files; the agents are whose they are. */
  stop(): Promise<void>
}

/** Real HAProxy in front of the agents at the given addresses, in a folder of its own, and ready for requests. */
export async function startSpoe(options: SpoeOptions): Promise<Spoe> {
  const folder = newFolder()
  const cleanup = new Cleanup()
  cleanup.add(() => removeFolder(folder))
  try {
    return await start(options, folder, cleanup)
  } catch (error) {
    await cleanup.run()
    throw error
  }
}

async function start(options: SpoeOptions, folder: string, cleanup: Cleanup): Promise<Spoe> {
  const engines: readonly Engine[] = [options, ...(options.engines ?? [])]
  const ports = new Map<string, number>()
  for (const name of ['WEB_PORT', 'ORIGIN_PORT', 'PROBE_PORT', ...(options.ports ?? [])]) {
    ports.set(name, await reservePort())
  }
  const portOf = (name: string): number => ports.get(name) ?? fail(`no port was asked for as ${name}`)
  const spoeFile = join(folder, 'spoe.conf')
  const config = join(folder, 'haproxy.cfg')
  writeFileSync(spoeFile, engines.map(spoeConfig).join('\n'), 'latin1')
  writeFileSync(config, haproxyConfig(options, engines), 'latin1')
  const haproxy = startHaproxy({
    binary: haproxyBinary(options.version),
    config,
    env: { SPOE_CONF: spoeFile, ...Object.fromEntries(Array.from(ports, ([name, port]) => [name, String(port)])) },
    logFile: join(folder, 'haproxy.log'),
    masterWorker: options.masterWorker ?? false,
  })
  cleanup.add(() => haproxy.stop())
  await haproxyReady(haproxy, portOf('PROBE_PORT'))

  const probe = (): Promise<SpoeResponse> => send('/', { port: portOf('PROBE_PORT') })
  const events = (): SpoeEvent[] => readFileSync(haproxy.logFile, 'latin1').split('\n').flatMap(readEvent)
  return {
    version: options.version,
    port: portOf('WEB_PORT'),
    haproxy,
    folder,
    portOf,
    get: (path, request) => send(path, { port: portOf('WEB_PORT'), ...request }),
    events,
    async untilEvents(wanted, skip = 0) {
      await waitUntil('SPOE events in the log', async () => wanted(events().slice(skip)), haproxy)
      return events().slice(skip)
    },
    serversUp: async (engine = options.name ?? 'demo') => Number((await probe()).headers[`x-up-${engine}`]),
    async reload() {
      const before = (await probe()).headers['x-pid']
      let asked = 0
      const reloaded = async (): Promise<boolean> => {
        // Measured on 3.0: a master that has just started can sleep over a signal until the next one.
        if (asked++ % 10 === 0) haproxy.signal('SIGUSR2')
        return (await probe()).headers['x-pid'] !== before
      }
      await waitUntil('a new HAProxy worker', reloaded, haproxy)
    },
    stop: () => cleanup.run(),
  }
}

/**
 * `SPOE: [agent] <EVENT:name> sid=1 st=0 `, the same on all versions up to here. Up to 3.0 `reqT/qT/wT/resT/pT` and
 * `idles/applets` follow: the time until the question was sent, -1 if it never was, and connections, idle and all.
 */
function readEvent(line: string): SpoeEvent[] {
  const found = /SPOE: \[(\S+)\] <(?:EVENT|GROUP):(\S+)> sid=(\d+) st=(\d+) (.*)/.exec(line)
  if (found === null) return []
  const [, agent, event, sid, status, rest] = found
  const [, queued, idle, all] = /^-?\d+\/(-?\d+)(?:\/-?\d+){3} (\d+)\/(\d+) /.exec(rest!) ?? []
  const unsent = queued === '-1' && idle === all
  return [{ agent: agent!, event: event!, sid: Number(sid), status: Number(status), unsent }]
}

function send(path: string, options: SpoeRequest & { readonly port: number }): Promise<SpoeResponse> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body, port, host = '127.0.0.1', connections } = options
    const target = { host, port, path, method, headers, agent: connections ?? false }
    const outgoing = request(target, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.once('error', reject)
      incoming.once('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers as Record<string, string | undefined>,
          body: Buffer.concat(chunks).toString('latin1'),
        }),
      )
    })
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}

function fail(message: string): never {
  throw new Error(message)
}

/** An agent in this process, on a free TCP port if nothing else is asked for. */
export interface TestAgent {
  readonly agent: Agent
  readonly addresses: readonly string[]
  /** What `onError` was told. */
  readonly errors: unknown[]
}

/** Deadlines are so long that only a test that sets its own sees one. */
export async function startAgent(
  options: AgentOptions,
  listen: string | readonly string[] = 'tcp://127.0.0.1:0',
): Promise<TestAgent> {
  const errors: unknown[] = []
  const agent = createAgent({
    varPrefix: 'demo',
    deadlineMs: 15_000,
    helloTimeoutMs: 15_000,
    onError: (error) => errors.push(error),
    ...options,
  })
  return { agent, addresses: await agent.listen(listen), errors }
}

export interface PairOptions extends Omit<SpoeOptions, 'agents'> {
  readonly agent: AgentOptions
  readonly listen?: string | readonly string[]
}

export interface Pair extends Spoe, Omit<TestAgent, 'addresses'> {}

/** An agent in this process with HAProxy in front of it, which end together. */
export async function startPair(options: PairOptions): Promise<Pair> {
  const { agent, addresses, errors } = await startAgent(options.agent, options.listen)
  const close = (): Promise<void> => agent.close()
  try {
    const spoe = await startSpoe({ ...options, agents: addresses })
    return { ...spoe, agent, errors, stop: () => Promise.all([spoe.stop(), close()]).then(() => {}) }
  } catch (error) {
    await close()
    throw error
  }
}
