import { createAgent } from 'node-spoe'
import { dispatchOptionsOf } from './actor/open.ts'
import { type AdminServer, startAdminServer } from './admin/server.ts'
import type { LoadedConfig } from './config/load.ts'
import type { AgentConfig } from './config/schema.ts'
import { Budgets } from './budgets.ts'
import { createDispatcher, type DispatcherOptions } from './dispatch/dispatcher.ts'
import { temporalOptionsOf } from './dispatch/temporal/options.ts'
import { Kept } from './identity/kept.ts'
import { Limiters } from './limits/limiters.ts'
import type { Logger } from './log.ts'
import { livePartsOf } from './reload/live-parts.ts'
import { FileWatch } from './reload/file-watch.ts'
import { generationOf, prepare } from './reload/assemble.ts'
import { type ConfigStatus, Reloader, type ReloadResult, type ReloadTrigger } from './reload/reloader.ts'
import { type ValidConfig, validConfigOf } from './reload/valid-config.ts'
import { validateInThread } from './reload/validate.ts'
import { VARIABLE_PREFIX } from './rules/variables.ts'
import { listenOptions } from './spop-listen.ts'
import { spopErrorLog } from './spop-errors.ts'
import { watchTls } from './spop-tls.ts'
import { VerdictTable } from './verdicts/verdict-table.ts'
import { windowAgentName } from './windows/agent-name.ts'
import { Windows } from './windows/windows.ts'

export interface RunningAgent {
  /** Bound SPOP addresses, in the form of `spop.listen`. */
  readonly spop: readonly string[]
  /** URL of the admin server; `undefined` without one. */
  readonly admin: string | undefined
  /**
   * Reads the configuration again and puts it in force, as a whole or not at all; requests meet the one before or the one
   * after. One at a time. Never rejects.
   */
  reload(trigger: ReloadTrigger): Promise<ReloadResult>
  /** Which configuration is in force. */
  config(): ConfigStatus
  /** Where what workflows say of callers comes in; it holds from the next request on. */
  readonly verdicts: Pick<VerdictTable, 'put' | 'remove'>
  /**
   * Graceful stop: health checks fail, what is in flight is answered, HAProxy gets its DISCONNECT, and what can be
   * delivered to Temporal is. Durable events that cannot stay in the outbox for the next start.
   */
  stop(): Promise<void>
  /** Opens the file of audit records anew, after it was moved away. */
  reopenAudit(): void
}

export interface AgentSource {
  /** Reads and checks the configuration again; without it the file is read that the agent was started with. */
  readonly load?: () => Promise<ValidConfig>
  /** Milliseconds that a reload waits for the providers of a new configuration; ten seconds when absent. */
  readonly warmMs?: number
  /** Milliseconds between two looks at files that are watched; a second for agent.yaml, ten for certificates when absent. */
  readonly lookMs?: number
}

/** Between two looks for verdicts that are over, in milliseconds. */
const SWEEP_MS = 1000

/**
 * Starts the agent: listens, begins to fetch keys, opens the outbox. A provider or a Temporal that is not there yet is
 * no error; `/readyz` tells.
 * @throws {ConfigError} when the rules do not compile, and the error of listening when an address is taken
 */
export async function startAgent(loaded: LoadedConfig, log: Logger, source: AgentSource = {}): Promise<RunningAgent> {
  const { config, document } = loaded
  const limiters = new Limiters()
  // Nothing is said before the agent is up: there is a generation by then.
  const verdicts: VerdictTable = new VerdictTable({ revocations: () => reloader.current.identity.revocations })
  const stopped = new AbortController()
  const foundation = {
    log,
    kept: new Kept(),
    limiters,
    verdicts,
    warmMs: source.warmMs,
    signal: stopped.signal,
  }
  const prepared = await prepare(validConfigOf(loaded), foundation)
  const dispatcher = createDispatcher({
    temporal: temporalOptionsOf(config.temporal),
    outbox: outboxOptionsOf(config.outbox),
    queue: config.queue,
    actor: dispatchOptionsOf(config.actor),
    rules: prepared.ruleSet.rules.map((rule) => rule.name),
    log,
  })
  const budgets = new Budgets((rule) => dispatcher.spent(rule), log)
  const windows = new Windows({
    emit: (command) => dispatcher.dispatch(command),
    agent: windowAgentName(),
    mayOpen: (rule) => budgets.mayOpenWindow(rule),
  })
  const common = { dispatcher, windows, budgets }
  const first = generationOf(prepared, common)
  limiters.retain(prepared.ruleSet.limiterIds)
  const spop = createAgent({
    ...first.handlers,
    deadlineMs: config.spop.deadline,
    bufsize: config.spop.bufsize,
    maxFrameSize: config.spop.maxFrameSize,
    varPrefix: VARIABLE_PREFIX,
    onError: spopErrorLog(log),
  })
  const reloader: Reloader = new Reloader({
    ...foundation,
    load: source.load ?? (() => validateInThread(document.file)),
    file: document.file,
    first,
    ...common,
    swap: (next) => {
      spop.replaceHandlers(next.handlers)
      log.level = next.config.log.level
      watch(next.config.reload.watch)
    },
  })

  let watcher: FileWatch | undefined
  const watch = (wanted: boolean): void => {
    if (wanted === (watcher !== undefined)) return
    watcher?.close()
    const changed = (): void => void reloader.reload('file')
    const { lookMs } = source
    watcher = wanted
      ? new FileWatch({
          path: document.file,
          changed,
          log,
          readAt: reloader.current.loadedAt,
          ...(lookMs !== undefined && { lookMs }),
        })
      : undefined
    void watcher?.start()
  }

  const sweeper = setInterval(() => verdicts.sweep(), SWEEP_MS)
  let admin: AdminServer | undefined
  let tlsFiles: ReturnType<typeof watchTls> | undefined
  try {
    await dispatcher.start()
    windows.start()
    if (config.admin !== undefined) {
      admin = await startAdminServer(config.admin, livePartsOf({ spop, ...common, reloader, limiters, verdicts }), log)
    }
    const listening = listenOptions(config.spop.listen)
    const addresses = await spop.listen(listening)
    tlsFiles = watchTls(config.spop.listen, listening, { agent: spop, log, pollMs: source.lookMs })
    watch(config.reload.watch)
    let stopping: Promise<void> | undefined
    return {
      spop: addresses,
      admin: admin?.url,
      reload: (trigger) => reloader.reload(trigger),
      config: () => reloader.status(),
      verdicts,
      stop: () => (stopping ??= stop()),
      reopenAudit: () => {
        for (const generation of reloader.open) generation.audit?.reopen()
      },
    }
  } catch (error) {
    clearInterval(sweeper)
    budgets.close()
    windows.flush()
    await Promise.allSettled([spop.close(), dispatcher.drain(0), admin?.close()])
    await reloader.close()
    throw error
  }

  async function stop(): Promise<void> {
    admin?.setDraining()
    stopped.abort()
    clearInterval(sweeper)
    tlsFiles?.close()
    watch(false)
    const noReload = reloader.stop()
    const { spop: spopSettings, outbox } = reloader.current.config
    try {
      await spop.drain({ graceMs: spopSettings.drain })
    } finally {
      // Events wait here: whatever went wrong before, they get their chance.
      budgets.close()
      windows.flush()
      await dispatcher.drain(outbox.drain)
      await noReload
      await reloader.close()
      await admin?.close()
    }
  }
}

function outboxOptionsOf({
  path,
  maxRows,
  maxBytes,
  maxDeadLetters,
  retain,
  encryptionKey,
}: AgentConfig['outbox']): DispatcherOptions['outbox'] {
  return { path, maxRows, maxBytes, maxDeadLetters, retainMs: retain, keyFile: encryptionKey?.file }
}
