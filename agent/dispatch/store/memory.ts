import type { Parcel } from '../parcel.ts'
import type { Bounds } from '../protocol.ts'
import type { StoreActions } from './actions.ts'
import type { Disk } from './disk.ts'
import type { Holding, Load } from './holding.ts'
import type { Incoming, StoreAction } from './incoming.ts'
import type { LaneLoad } from './lane-load.ts'
import type { Ledger } from './ledger.ts'
import type { Room } from './outbox.ts'
import { type NewRow, rowBytes } from './row.ts'
import type { Outgoing } from './outgoing.ts'
import type { Most, Shares } from './shares.ts'
import type { Sidings } from './sidings.ts'

/** Parcels and bytes in memory; what is durable and comes after waits on disk, so that a long outage costs no memory. */
const RESIDENT = 16_384
const RESIDENT_BYTES = 64 * 1024 * 1024
/** Share of the bounds on what is in memory: beyond it nothing durable stays there, so that none is shed for it. */
const SHARE = 0.5
/** All namespaces together, of which one alone has three quarters: still less than the bound at which events are shed. */
const ALL = 4 / 3
/** Parcels that are held back in memory, beside those on their way: as many keys of `debounce` are quiet at once. */
const HELD = 2 * RESIDENT

/** What the parts of the store thread share. */
export interface Stock {
  readonly bounds: Bounds
  readonly actions: StoreActions
  readonly ledger: Ledger
  readonly disk: Disk
  readonly outgoing: Outgoing
  readonly holding: Holding
  readonly shares: Shares
  readonly sidings: Sidings
  /** Rows that are in memory although the reader of pages has not come to them yet. */
  readonly ahead: Set<number>
  /** Rules whose events stay on disk. */
  paused: readonly string[]
  /** The handle given out last. */
  handles: number
}

/** What may be held back in memory, of all rules together. */
export function mostHeld({ maxEvents, maxBytes }: Bounds): Load {
  return { parcels: Math.min(HELD, maxEvents * SHARE), bytes: Math.min(RESIDENT_BYTES, maxBytes * SHARE) }
}

/** What rows that are on their way may take of the memory, of all namespaces together. */
export function mostOnTheWay({ maxEvents, maxBytes }: Bounds): Most {
  return {
    parcels: RESIDENT * ALL,
    events: maxEvents * SHARE * ALL,
    bytes: Math.min(RESIDENT_BYTES, maxBytes * SHARE) * ALL,
  }
}

/** Whose share of the memory a row takes. */
export function laneOf(
  { shares }: Stock,
  { namespace }: StoreAction,
  row: Pick<Incoming, 'id' | 'workflowId'>,
): LaneLoad {
  return shares.of(namespace, laneIdOf(row))
}

/** What names the lane of a row; empty for one that has a workflow for itself, as most of `start` do. */
export function laneIdOf({ id, workflowId }: Pick<Incoming, 'id' | 'workflowId'>): string {
  return workflowId === id ? '' : workflowId
}

/** What may be stored beside what is. */
export function roomOf({ ledger, bounds }: Stock): Room {
  return { events: bounds.maxStored - ledger.stored, bytes: bounds.maxStoredBytes - ledger.storedBytes }
}

export function rowOf({ action, id, workflowId, key, tenant, at, events, call, body }: Incoming): NewRow {
  return { id, action: action.content, rule: action.action.rule, workflowId, key, tenant, at, events, call, body }
}

export function parcelOf(one: Incoming, handle: number): Parcel {
  const { action, workflowId, key, id, at, events, tenant, body, call } = one
  return { handle, action: action.index, workflowId, key, id, at, events, tenant, body, call }
}

/** A parcel of a paused rule leaves memory: it is on disk already, or is put there now. False: it could not be. */
export function putBack({ ledger, disk, actions }: Stock, parcel: Parcel): boolean {
  if (ledger.unload(parcel.handle) !== undefined) return true
  const entry = ledger.entry(parcel.handle)
  if (entry === undefined) return true
  const one = { ...parcel, action: actions.at(parcel.action), bytes: entry.bytes, claims: [] }
  const seq = disk.insert([rowOf(one)], { events: Infinity, bytes: Infinity }, false)?.[0]
  if (typeof seq !== 'number') return false
  ledger.store(parcel.handle, seq, rowBytes(one))
  return true
}
