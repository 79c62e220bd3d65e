import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { ActionTable } from '../../../../agent/dispatch/action-table.ts'
import type { Command } from '../../../../agent/dispatch/command.ts'
import { Counters, GLOBAL, SLOT } from '../../../../agent/dispatch/counters.ts'
import { PacketWriter } from '../../../../agent/dispatch/packet.ts'
import { type Parcel, SETTLED, type ToShip } from '../../../../agent/dispatch/parcel.ts'
import { type StoreParts, StoreEngine } from '../../../../agent/dispatch/store/store-engine.ts'
import type { OutboxAnswer, OutboxRequest } from '../../../../agent/dispatch/store/outbox-calls.ts'
import { tempFolder } from '../../../support/folder.ts'
import { recordedLog, type RecordedLog } from '../support/commands.ts'
import { expectConserved } from '../support/conservation.ts'

export interface Harness {
  readonly engine: StoreEngine
  readonly counters: Counters
  readonly log: RecordedLog
  readonly path: string
  /** What the ship thread was told, and the parcels among it that are not settled yet. */
  readonly told: ToShip[]
  readonly parcels: Parcel[]
  /** Rules that are paused, as the hot side was told. */
  readonly paused: readonly string[]
  /** What the hot side was told of strict events. */
  readonly strict: { readonly stored: number[]; readonly failed: number[] }
  /** Takes commands as the hot side would hand them over, in one packet; tickets are numbered from 1. */
  take(...commands: readonly Command[]): void
  /** Settles parcels as the ship thread would; all that are there when none are given. */
  deliver(parcels?: readonly Parcel[]): void
  operate(request: OutboxRequest): Promise<OutboxAnswer>
  /** The books of a rule. */
  rule(name?: string): Readonly<Record<string, number>>
  /** The conservation law, for each rule and in total. */
  conserved(): void
  stop(): Promise<void>
}

/** The store thread without a thread: on a real disk, with the other two sides played. */
export function harness(over: Partial<StoreParts> = {}): Harness {
  const path = over.path ?? join(tempFolder(), 'outbox.db')
  const log = recordedLog()
  const told: ToShip[] = []
  const parcels: Parcel[] = []
  const paused: string[] = []
  const strict = { stored: [] as number[], failed: [] as number[] }
  const counters = new Counters(['orders', 'usage', 'audit'])
  const engine: StoreEngine = new StoreEngine({
    path,
    bounds: { maxEvents: 1e6, maxBytes: 1e9, maxStored: 1e6, maxStoredBytes: 1e9 },
    deadBounds: { events: 1e6, bytes: 1e9 },
    retainMs: 0,
    rules: counters.names,
    namespace: 'default',
    shared: counters.shared,
    log,
    tellShip(message) {
      told.push(message)
      if (message.type === 'parcels') parcels.push(...message.parcels)
      // As the ship thread would, when it is told to end.
      if (message.type === 'stop') queueMicrotask(() => engine.fromShip({ type: 'stopped', inFlight: 0 }))
    },
    tellPaused: (rules) => paused.splice(0, paused.length, ...rules),
    tellHot({ stored, failed }) {
      strict.stored.push(...stored)
      strict.failed.push(...failed)
    },
    ...over,
  })
  engine.start()
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => (stopped ??= engine.drain(0))
  onTestFinished(stop)
  const actions = new ActionTable()
  let tickets = 0
  const rule = (name = 'orders'): Readonly<Record<string, number>> => ({ ...counters.read().rules[name] })
  return {
    engine,
    counters,
    log,
    path,
    told,
    parcels,
    paused,
    strict,
    take(...commands) {
      const writer = new PacketWriter()
      for (const command of commands) {
        const known = actions.size
        const index = actions.indexOf(command.action)
        if (actions.size > known) engine.addActions(known, actions.from(known))
        const row = counters.row(command.action.rule)
        counters.add(row, SLOT.received)
        counters.addGlobal(GLOBAL.accepted)
        counters.addGlobal(
          GLOBAL.acceptedBytes,
          writer.add(command, index, command.action.delivery === 'strict' ? ++tickets : 0),
        )
      }
      engine.take([writer.take()])
    },
    deliver(some = [...parcels]) {
      const handles = Float64Array.from(some, ({ handle }) => handle)
      const settled = new Set(some)
      parcels.splice(0, parcels.length, ...parcels.filter((parcel) => !settled.has(parcel)))
      engine.fromShip({ type: 'settled', handles, outcomes: new Uint8Array(some.length).fill(SETTLED.delivered) })
    },
    operate: (request) => engine.operate(request),
    rule,
    conserved() {
      expectConserved({ counters: () => counters.read() })
      const { accepted, released, acceptedBytes, releasedBytes } = GLOBAL
      // What is not pending holds no memory.
      if (counters.read().total.pending > 0) return
      expect(counters.getGlobal(released)).toBe(counters.getGlobal(accepted))
      expect(counters.getGlobal(releasedBytes)).toBe(counters.getGlobal(acceptedBytes))
    },
    stop,
  }
}
