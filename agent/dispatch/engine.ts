import { callerOf } from '../actor/dispatch-options.ts'
import { withoutMissingAttributes } from '../actor/search-attributes.ts'
import { Batcher } from './batcher.ts'
import { defaultIdentity, type TemporalCalls } from './connection.ts'
import { Counters, GLOBAL } from './counters.ts'
import { Intake } from './intake.ts'
import { jobOf, type Entry } from './job.ts'
import { Ledger } from './ledger.ts'
import { LineBudget } from '../line-budget.ts'
import type { FromThread, Log, ThreadOptions } from './protocol.ts'
import { JobQueue } from './queue.ts'
import { RecentIds } from './recent-ids.ts'
import { forwardingLog, Reporter } from './reporter.ts'
import { Shipper } from './shipper.ts'
import { Store } from './store.ts'
import type { Command } from './command.ts'

/** Event ids remembered, at least: a HAProxy retry comes within seconds, the rest is recognised further on. */
const RECENT_IDS = 100_000
/** Milliseconds between commits of deletions that no insert took along. */
const FLUSH_MS = 20
/** Milliseconds between looks at the oldest event, at the disk's backlog and at an outbox that is not open. */
const TICK_MS = 250

/** Everything the thread does, apart from being a thread. */
export class Engine {
  readonly #calls: TemporalCalls
  readonly #log: Log
  readonly #counters: Counters
  readonly #ledger: Ledger
  readonly #store: Store
  readonly #batcher: Batcher
  readonly #queue = new JobQueue()
  readonly #deadLetterLines = new LineBudget()
  readonly #shipper: Shipper
  readonly #intake: Intake
  readonly #timers: NodeJS.Timeout[]
  #batchTimer: NodeJS.Timeout | undefined
  #loading = false
  #drained: (() => void) | undefined

  constructor(options: ThreadOptions, calls: TemporalCalls, post: (message: FromThread) => void) {
    const { temporal, outbox, meter, rules, shared, actor } = options
    this.#calls = calls
    this.#log = forwardingLog(post)
    this.#counters = new Counters(rules, shared)
    this.#ledger = new Ledger(this.#counters)
    this.#store = new Store(outbox.path, this.#log)
    this.#batcher = new Batcher(meter, (job) => this.#queue.push(job))
    const reporter = new Reporter(post, this.#log, temporal.address)
    this.#shipper = new Shipper({
      queue: this.#queue,
      calls: withoutMissingAttributes(calls, this.#log, () => this.#counters.addGlobal(GLOBAL.unindexed)),
      caller: callerOf(
        { namespace: temporal.namespace, identity: temporal.identity ?? defaultIdentity() },
        actor,
        this.#log,
      ),
      settle: (entry, outcome) => this.#settle(entry, outcome),
      deadLetter: (entry, reason, attempts) => this.#deadLetter(entry, reason, attempts),
      attempted: () => this.#counters.addGlobal(GLOBAL.calls),
      observe: (verdict, gate) => reporter.observe(verdict, gate),
    })
    this.#intake = new Intake({
      counters: this.#counters,
      ledger: this.#ledger,
      store: this.#store,
      recent: new RecentIds(RECENT_IDS),
      maxRows: outbox.maxRows,
      log: this.#log,
      admit: (entry) => this.#admit(entry),
    })
    this.#timers = [setInterval(() => this.#store.flush(), FLUSH_MS), setInterval(() => this.#tick(), TICK_MS)]
  }

  /** Opens the outbox and begins with what it holds. */
  start(): void {
    this.#intake.openStore()
    this.#tick()
  }

  /** Takes one batch of the hot side. */
  take(commands: readonly Command[]): void {
    this.#intake.take(commands)
    this.#go()
  }

  /**
   * Delivers what it can within `timeoutMs`, then ends everything. What is in memory only and not delivered by then is
   * counted as shed; what is in the outbox stays there.
   */
  async drain(timeoutMs: number): Promise<void> {
    this.#batcher.flushAll()
    this.#go()
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs)
      this.#drained = () => {
        clearTimeout(timer)
        resolve()
      }
      this.#checkDrained()
    })
    this.#shipper.stop()
    clearTimeout(this.#batchTimer)
    this.#timers.forEach(clearInterval)
    this.#shedRest()
    this.#store.close()
    await this.#calls.close()
  }

  #admit(entry: Entry): void {
    if (entry.command.kind === 'meter') this.#batcher.add(entry, performance.now())
    else this.#queue.push(jobOf(entry))
  }

  #go(): void {
    if (this.#drained !== undefined) this.#batcher.flushAll()
    const due = this.#batcher.nextDue()
    clearTimeout(this.#batchTimer)
    if (due !== undefined)
      this.#batchTimer = setTimeout(() => this.#flushBatches(), Math.max(1, due - performance.now()))
    this.#shipper.pump()
  }

  #flushBatches(): void {
    this.#batcher.flushDue(performance.now())
    this.#go()
  }

  #settle(entry: Entry, outcome: 'delivered' | 'deduplicated'): void {
    if (entry.seq > 0) this.#store.remove(entry.seq)
    this.#ledger.settle(entry, outcome)
    this.#afterSettling()
  }

  #deadLetter(entry: Entry, reason: string, attempts: number): void {
    const { command } = entry
    if (entry.seq > 0) this.#store.deadLetter(entry.seq, reason, attempts)
    const suppressed = this.#deadLetterLines.take()
    if (suppressed !== undefined) {
      const { event, workflowId, rule } = command
      const kept = entry.seq > 0 ? 'kept in the dead letters' : 'lost, as it was in memory only'
      const fields = {
        eventId: event.id,
        rule,
        workflowId,
        attempts,
        reason,
        ...(suppressed > 0 ? { suppressed } : {}),
      }
      this.#log.error(fields, `Temporal refuses an event for good: ${kept}`)
    }
    this.#ledger.settle(entry, 'deadLettered')
    this.#afterSettling()
  }

  #afterSettling(): void {
    this.#checkDrained()
    if (this.#loading || this.#store.caughtUp) return
    // Later, not now: a page of rows takes longer than the answers that are waiting to be read.
    this.#loading = true
    setImmediate(() => {
      this.#loading = false
      if (this.#intake.load()) this.#go()
    })
  }

  #tick(): void {
    this.#intake.openStore()
    if (this.#intake.load()) this.#go()
    this.#counters.global[GLOBAL.oldestAt] = this.#ledger.oldestAt() ?? 0
  }

  #checkDrained(): void {
    if (this.#ledger.pending === 0) this.#drained?.()
  }

  #shedRest(): void {
    const rest = [...this.#ledger.unstored()]
    for (const entry of rest) this.#ledger.settle(entry, 'shed')
    if (rest.length > 0) {
      const inFlight = this.#shipper.inFlight
      this.#log.error(
        { events: rest.length, inFlight },
        'stopped before all events in memory were delivered: those are lost',
      )
    }
    if (this.#ledger.stored > 0) {
      this.#log.warn({ events: this.#ledger.stored }, 'stopped with events in the outbox: the next start delivers them')
    }
  }
}
