import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { agentReady } from '../../agent/dev/command.ts'
import { haproxyReady, startHaproxy } from '../../agent/dev/haproxy.ts'
import { type ManagedProcess, waitUntil } from '../../agent/dev/process.ts'
import { startTemporal, type TemporalServer, temporalReady } from '../../agent/dev/temporal.ts'
import { findTemporal, ROOT } from '../../agent/dev/tools.ts'
import type { Random } from '../fuzz/random.ts'
import { type AgentVariant, startAgentProcess } from './agent-process.ts'
import { countersOf, openWindows } from './agent-status.ts'
import { configOf } from './config.ts'
import type { Credentials } from './credentials.ts'
import type { GrpcProxy } from './grpc-proxy.ts'
import { NAMESPACES } from './lanes.ts'
import { Ledger, type Outage } from './ledger.ts'
import { Load } from './load.ts'
import { DRAIN_MS, type Parts, type PartsOptions, startParts, startWorker } from './parts.ts'
import { Watcher } from './sightings.ts'
import { WindowBook } from './windows.ts'

export interface RigOptions extends PartsOptions {
  /** Requests a second. */
  readonly rate: number
  readonly random: Random
}

/** Milliseconds after an outage in which HAProxy may still find dead connections. */
const AFTER_OUTAGE_MS = 1_500

/** All real parts, each a process that can be killed, stopped and started again; and what stands between and around them. */
export class Rig {
  readonly folder: string
  readonly ledger = new Ledger()
  readonly watcher: Watcher
  readonly windows = new WindowBook()
  readonly load: Load
  readonly proxy: GrpcProxy
  readonly credentials: Credentials
  readonly adminUrl: string
  /** Its file, but while it is on a small disk. */
  readonly outbox: string
  /** Where HAProxy takes requests, and whose certificate it shows. */
  readonly port: number
  readonly ca: string
  agent: ManagedProcess
  worker: ManagedProcess
  temporal: TemporalServer
  haproxy: ManagedProcess
  /** Of agent.yaml, by reloads. */
  generation = 0
  readonly #options: RigOptions
  readonly #parts: Parts

  private constructor(options: RigOptions, parts: Parts) {
    const { stack, temporal, worker, proxy, credentials, tokens } = parts
    this.#options = options
    this.#parts = parts
    this.folder = options.folder
    this.proxy = proxy
    this.credentials = credentials
    this.adminUrl = stack.adminUrl
    this.outbox = String(stack.env['OUTBOX_PATH'])
    this.port = stack.edge.https
    this.ca = readFileSync(stack.certificates.ca, 'utf8')
    this.agent = stack.agent
    this.haproxy = stack.haproxy
    this.worker = worker
    this.temporal = temporal
    this.watcher = new Watcher(temporal.address)
    const { port, ca, ledger } = this
    const { rate, random } = options
    this.load = new Load({ port, ca, rate, random, ledger, tokens })
    options.cleanup.add(() => this.load.close())
  }

  /** Starts everything and waits until requests can flow. */
  static async start(options: RigOptions): Promise<Rig> {
    return new Rig(options, await startParts(options))
  }

  async startAgent(variant: AgentVariant = {}): Promise<void> {
    if (variant.disk !== undefined) mkdirSync(variant.disk.folder, { recursive: true })
    this.agent = this.#owned(startAgentProcess(this.#parts.config, this.#parts.stack.env, this.folder, variant))
    await agentReady(this.agent, this.adminUrl)
  }

  async startTemporal(): Promise<void> {
    const { temporalPort: port } = this.#parts
    this.temporal = startTemporal({ binary: findTemporal(), port, folder: this.folder, namespaces: NAMESPACES })
    this.#owned(this.temporal.process)
    await temporalReady(this.temporal, NAMESPACES)
  }

  startWorker(): void {
    this.worker = this.#owned(startWorker(this.#parts.stack, this.temporal, this.folder))
  }

  async startHaproxy(): Promise<void> {
    const { haproxyBinary: binary } = this.#options
    const logFile = join(this.folder, 'haproxy.log')
    const config = join(ROOT, 'haproxy.cfg')
    this.haproxy = this.#owned(startHaproxy({ binary, config, env: this.#parts.stack.env, logFile }))
    await haproxyReady(this.haproxy, this.port)
  }

  /** Kills the agent where it stands, and remembers when. */
  async killAgent(): Promise<void> {
    this.ledger.kills.push(Date.now())
    this.agent.signal('SIGKILL')
    await this.agent.exited
  }

  /** Asks the agent to end, and remembers if there was not the time to deliver all that it had in memory. */
  async stopAgent(): Promise<void> {
    const asked = Date.now()
    await this.agent.stop()
    if (Date.now() - asked >= DRAIN_MS) this.ledger.cutShort.push(Date.now())
  }

  /** Whatever `body` does, answers may fail until it is done and the agent decides again. */
  async outage(body: () => Promise<void>): Promise<void> {
    await this.#during('all', async () => {
      await body()
      await waitUntil('the agent to decide again', () => this.load.agentAnswers(), undefined, 60_000)
      await sleep(AFTER_OUTAGE_MS)
    })
  }

  /** Waits until the agent has nothing left to deliver, and nothing left to count. */
  async untilDelivered(): Promise<void> {
    const idle = async (): Promise<boolean> =>
      (await openWindows(this.adminUrl)) === 0 && (await countersOf(this.adminUrl)).total.pending === 0
    await waitUntil('the agent to have delivered all', idle, this.agent, 60_000)
  }

  /** While `body` runs, strict events may be refused: there is no disk for them. */
  withoutDisk(body: () => Promise<void>): Promise<void> {
    return this.#during('strict', body)
  }

  /** While `body` runs, strict events may be refused: nobody writes them to the disk. */
  withoutThreads(body: () => Promise<void>): Promise<void> {
    return this.#during('threads', body)
  }

  async #during(of: Outage['of'], body: () => Promise<void>): Promise<void> {
    const outage = { of, from: Date.now(), to: Infinity }
    this.ledger.outages.push(outage)
    try {
      await body()
    } finally {
      outage.to = Date.now()
    }
  }

  /** Writes agent.yaml anew; see {@link configOf}. */
  writeConfig(generation: number): void {
    this.generation = generation
    writeFileSync(this.#parts.config, configOf(this.credentials.files, generation))
  }

  #owned(started: ManagedProcess): ManagedProcess {
    this.#options.cleanup.add(() => started.stop())
    return started
  }
}
