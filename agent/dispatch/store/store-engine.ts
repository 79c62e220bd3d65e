import type { WorkflowAction } from '../command.ts'
import { Counters, GLOBAL } from '../counters.ts'
import { type Parcel, SETTLED, type ToShip, type ToStore } from '../parcel.ts'
import type { Bounds, FromInlet, Log } from '../protocol.ts'
import { RecentIds } from '../recent-ids.ts'
import { RateLimits } from '../shape/rate-limit.ts'
import { StoreActions } from './actions.ts'
import { Admission } from './admission.ts'
import { Answers } from './answers.ts'
import { Backlog } from './backlog.ts'
import { Burials } from './burials.ts'
import { Chunks } from './chunks.ts'
import { Disk } from './disk.ts'
import { Holding } from './holding.ts'
import { Ledger } from './ledger.ts'
import { mostHeld, mostOnTheWay, putBack, type Stock } from './memory.ts'
import { Operator } from './operator.ts'
import type { Amount } from './outbox.ts'
import type { OutboxAnswer, OutboxRequest } from './outbox-calls.ts'
import { Outgoing } from './outgoing.ts'
import { Receiver } from './receiver.ts'
import type { RowCipher } from './row-cipher.ts'
import { Shares } from './shares.ts'
import { Sidings } from './sidings.ts'
import { Strict } from './strict.ts'
import { Unstored } from './unstored.ts'

/** Event ids remembered, at least: a HAProxy retry comes within seconds, the rest is recognised further on. */
const RECENT_IDS = 100_000
/** Milliseconds between commits of deletions that no insert took along. */
const FLUSH_MS = 20
/** Milliseconds between looks at the oldest event, at the disk's backlog and at an outbox that is not open. */
const TICK_MS = 250

export interface StoreParts {
  readonly path: string
  readonly bounds: Bounds
  /** Bounds of dead letters: events, and bytes of their rows. */
  readonly deadBounds: Amount
  /** Milliseconds for which delivered rows are kept; 0: not at all. */
  readonly retainMs: number
  readonly rules: readonly string[]
  /** Of actions that name none. */
  readonly namespace: string
  readonly shared: SharedArrayBuffer
  readonly cipher?: RowCipher | undefined
  readonly log: Log
  readonly tellShip: (message: ToShip) => void
  readonly tellHot: (message: FromInlet) => void
  /** Told of all rules that are paused, when they change. */
  readonly tellPaused: (rules: readonly string[]) => void
}

/** Everything the store thread does, apart from being a thread. */
export class StoreEngine {
  readonly #parts: StoreParts
  readonly #counters: Counters
  readonly #stock: Stock
  readonly #receiver: Receiver
  readonly #admission: Admission
  readonly #answers: Answers
  readonly #backlog: Backlog
  readonly #strict: Strict
  readonly #unstored: Unstored
  readonly #operator: Operator
  readonly #burials: Burials
  readonly #timers: NodeJS.Timeout[]
  #dueTimer: NodeJS.Timeout | undefined
  #loading = false
  #flowing = true
  #hurrying = false
  #drained: (() => void) | undefined
  #shipStopped: ((inFlight: number) => void) | undefined
  #isAlone = false
  #isClosed = false

  constructor(parts: StoreParts) {
    const { path, retainMs, rules, namespace, shared, cipher, log, tellShip, tellHot, bounds, deadBounds } = parts
    this.#parts = parts
    const counters = (this.#counters = new Counters(rules, shared))
    const ledger = new Ledger(counters)
    const recent = new RecentIds(RECENT_IDS)
    const actions = new StoreActions(namespace)
    const disk = new Disk({
      path,
      cipher,
      retain: retainMs > 0,
      dead: { bounds: deadBounds, changed: (events, dropped) => this.#burials.changed(events, dropped) },
      log,
      paused: () => this.#stock.paused,
      lost: () => this.#lost(),
    })
    const holding = new Holding(mostHeld(bounds))
    const sidings = new Sidings()
    const outgoing = new Outgoing({
      actions,
      ledger,
      holding,
      tell: tellShip,
      coalesced: (parcel) => this.#end(parcel.handle, 'coalesced'),
    })
    const ahead = new Set<number>()
    const stock: Stock = {
      bounds,
      actions,
      ledger,
      disk,
      outgoing,
      holding,
      shares: new Shares(mostOnTheWay(bounds)),
      sidings,
      ahead,
      paused: [],
      handles: 0,
    }
    this.#stock = stock
    this.#strict = new Strict(tellHot)
    const unstored = (this.#unstored = new Unstored(stock))
    this.#burials = new Burials({ disk, ledger, unstored, actions, counters, log })
    this.#admission = new Admission({ stock, counters, recent, strict: this.#strict, unstored })
    const backlog = (this.#backlog = new Backlog({ stock, counters, recent, log }))
    this.#answers = new Answers({ stock, recent, strict: this.#strict, backlog })
    // A later process has a greater one, and no other has the same.
    const chunks = new Chunks(`~${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`)
    this.#receiver = new Receiver({
      actions,
      ledger,
      recent,
      chunks,
      limits: new RateLimits(),
      strict: this.#strict,
      log,
    })
    this.#operator = new Operator({
      disk,
      ledger,
      path,
      cipher,
      paused: (names) => this.#pause(names),
      log,
      counted: () => ({ pending: ledger.stored, dead: disk.outbox?.dead.events ?? 0 }),
      changed: () => this.#afterSettling(),
    })
    this.#timers = [setInterval(() => disk.flush(), FLUSH_MS), setInterval(() => this.#tick(), TICK_MS)]
  }

  /** Opens the outbox and begins with what it holds. */
  start(): void {
    this.#tick()
  }

  /** Names of rules that a reload has brought; their commands come after them. */
  addRules(names: readonly string[]): void {
    this.#counters.addRules(names)
    this.#parts.tellShip({ type: 'rules', names })
  }

  addActions(first: number, actions: readonly WorkflowAction[]): void {
    this.#stock.actions.learn(first, actions)
  }

  /** Takes packets of the hot side. Durable events are on disk when this returns, in one commit. */
  take(packets: readonly Uint8Array[]): void {
    this.#admission.admit(this.#receiver.read(packets))
    this.#strict.tell()
    this.#go()
  }

  /** The hot side has answered the requests of strict events: `refused` are those whose events must have no effect. */
  answered(kept: readonly number[], refused: readonly number[]): void {
    this.#answers.take(kept, refused)
    this.#go()
  }

  /** Takes what the ship thread tells. */
  fromShip(message: ToStore): void {
    if (message.type === 'stopped') {
      this.#shipStopped?.(message.inFlight)
      return
    }
    if (message.type === 'flowing') this.#flowing = message.flowing
    else if (message.type === 'settled') this.#settle(message)
    else if (message.type === 'dead') message.letters.forEach((letter) => this.#burials.bury(letter))
    else {
      message.parcels.forEach((parcel) => this.#putBack(parcel))
      this.#go()
    }
    this.#afterSettling()
  }

  /** What an operator asks. Never rejects. */
  operate(request: OutboxRequest): Promise<OutboxAnswer> {
    return this.#operator.answer(request)
  }

  /**
   * Delivers what it can within `timeoutMs`, then ends everything. What is in memory only and not delivered by then is
   * counted as shed; what is in the outbox stays there, and is not waited for while Temporal takes nothing. What is to be on
   * disk gets there, if it takes anything.
   */
  async drain(timeoutMs: number): Promise<void> {
    this.#hurrying = true
    if (this.#unstored.size > 0) {
      this.#stock.disk.retryNow()
      this.#openDisk()
      this.#unstored.storeAll()
    }
    this.#go()
    this.#parts.tellShip({ type: 'hurry' })
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs)
      this.#drained = () => {
        clearTimeout(timer)
        resolve()
      }
      this.#checkDrained()
    })
    const inFlight = await new Promise<number>((resolve) => {
      this.#shipStopped = resolve
      this.#parts.tellShip({ type: 'stop' })
      if (this.#isAlone) resolve(0)
    })
    this.#close(() => this.#shedRest(inFlight))
  }

  /**
   * The ship thread is gone. Nobody will tell what becomes of events any more: what can be on disk is left there, the rest
   * is for the hot side to write off.
   */
  alone(): void {
    this.#isAlone = true
    if (!this.#hurrying) return this.#close()
    this.#drained?.()
    this.#shipStopped?.(0)
  }

  #close(shed = (): void => undefined): void {
    if (this.#isClosed) return
    this.#isClosed = true
    clearTimeout(this.#dueTimer)
    this.#timers.forEach(clearInterval)
    this.#answers.close()
    this.#unstored.storeAll()
    shed()
    this.#stock.disk.close()
  }

  #settle({ handles, outcomes }: ToStore & { type: 'settled' }): void {
    const { ledger, disk } = this.#stock
    handles.forEach((handle, i) => {
      const entry = ledger.settle(handle, outcomes[i] === SETTLED.delivered ? 'delivered' : 'deduplicated')
      if (entry !== undefined && entry.seq > 0) disk.deliver(entry.seq)
      else this.#unstored.forget(handle)
    })
  }

  #end(handle: number, outcome: 'coalesced' | 'shed'): void {
    const { ledger, disk } = this.#stock
    const entry = ledger.settle(handle, outcome)
    if (entry !== undefined && entry.seq > 0) disk.remove(entry.seq)
    else this.#unstored.forget(handle)
  }

  #putBack(parcel: Parcel): void {
    const { actions, paused, outgoing } = this.#stock
    const action = actions.at(parcel.action)
    // Resumed while it was on its way back: the reader of pages has passed its row, because it was in memory.
    if (!paused.includes(action.action.rule)) outgoing.add(parcel, action, performance.now())
    else if (!putBack(this.#stock, parcel)) this.#unstored.add(parcel, true)
    else this.#unstored.forget(parcel.handle)
  }

  #pause(rules: readonly string[]): void {
    const { paused, outgoing } = this.#stock
    this.#stock.paused = rules
    this.#parts.tellPaused(rules)
    this.#parts.tellShip({ type: 'recall', rules })
    for (const rule of rules) {
      if (!paused.includes(rule)) outgoing.recall(rule).forEach((parcel) => this.#putBack(parcel))
    }
    for (const parcel of this.#unstored.released()) this.#putBack(parcel)
    this.#go()
    this.#reread()
  }

  /** Rows are there that the reader of pages has passed. */
  #reread(): void {
    this.#backlog.rewind()
    this.#afterSettling()
  }

  #lost(): void {
    const events = this.#stock.ledger.loseRows()
    this.#backlog.forget()
    if (events === 0) return
    this.#parts.log.error({ events }, 'events of the damaged outbox are not delivered: they are in the file set aside')
  }

  #go(): void {
    const { outgoing, sidings } = this.#stock
    const now = performance.now()
    outgoing.send(now, this.#hurrying)
    // What has gone makes room for what waits behind it.
    if (sidings.size > 0) this.#loadSoon()
    clearTimeout(this.#dueTimer)
    const due = outgoing.nextDue()
    if (due !== undefined) this.#dueTimer = setTimeout(() => this.#go(), Math.max(1, due - now))
  }

  #afterSettling(): void {
    this.#checkDrained()
    this.#loadSoon()
  }

  /** Reads rows back until there is no room. Later, not now: a page of rows takes longer than messages that are there. */
  #loadSoon(): void {
    if (this.#loading || this.#backlog.idle) return
    this.#loading = true
    setImmediate(() => {
      this.#loading = false
      this.#load()
    })
  }

  #load(): void {
    if (!this.#backlog.load()) return
    this.#go()
    this.#loadSoon()
  }

  #tick(): void {
    const { ledger, disk } = this.#stock
    this.#openDisk()
    this.#unstored.store()
    this.#backlog.watch()
    this.#load()
    this.#backlog.prune()
    this.#operator.sweep(this.#parts.retainMs)
    const oldest = [ledger.oldestAt(), this.#backlog.idle ? undefined : disk.oldestAt()].filter(
      (at) => at !== undefined,
    )
    this.#counters.global[GLOBAL.oldestAt] = oldest.length === 0 ? 0 : Math.min(...oldest)
    this.#checkDrained()
  }

  /** Opens the outbox when it is not open, and takes over what earlier runs left in it. */
  #openDisk(): void {
    const { ledger, disk } = this.#stock
    const recovered = disk.open()
    if (recovered === undefined) return
    const { amounts, paused } = recovered
    for (const [rule, amount] of amounts) ledger.recover(rule, amount)
    if (paused.length > 0) this.#pause(paused)
    // The hot side may know of rules that were paused before this thread took the place of one that died.
    else this.#parts.tellPaused(paused)
    if (amounts.size === 0) return
    const rules = Object.fromEntries([...amounts].map(([rule, { events }]) => [rule, events]))
    this.#parts.log.info({ events: ledger.stored, rules }, 'events of an earlier run are delivered first')
  }

  #checkDrained(): void {
    const { pending, unstored } = this.#stock.ledger
    if (pending === 0 || (unstored === 0 && !this.#flowing)) this.#drained?.()
  }

  #shedRest(inFlight: number): void {
    const { ledger } = this.#stock
    let events = 0
    for (const handle of ledger.unstoredHandles()) events += ledger.settle(handle, 'shed')?.events ?? 0
    const { log } = this.#parts
    if (events > 0)
      log.error({ events, inFlight }, 'stopped before all events in memory were delivered: those are lost')
    if (ledger.stored > 0)
      log.warn({ events: ledger.stored }, 'stopped with events in the outbox: the next start delivers them')
  }
}
