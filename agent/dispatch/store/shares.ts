import { LaneLoad, type Share } from './lane-load.ts'

/** What one parcel weighs at least: so finely are parcels, events and bytes put into one number. */
const UNIT = 16
/** What a namespace has at least, as a part of the whole. There are as many of them as agent.yaml names. */
const LEAST = 1 / 64
/**
 * Rows of one lane at most. A workflow tells repeated events by the last 5,000 ids and 2,000 chunks: no more than that may
 * go out again after a crash.
 */
const LANE_ROWS = 1_500

/** The last part of a share, of which a lane takes only such a part of what is left, so that it lasts for many. */
const RESERVE = 1 / 8
/** What a lane may have of a share in any case. */
const SMALL = 1 / 1024

/** `crowded`: nearly all of the share is taken, by lanes none of which needs to be hot. */
export type Lacking = 'namespace' | 'lane' | 'crowded'

/** The whole, of which namespaces have shares. */
export interface Most {
  readonly parcels: number
  readonly events: number
  readonly bytes: number
}

/**
 * Who has how much of the memory for rows that are on their way. A namespace may have three times what is left for all, so
 * one alone has three quarters, and where that is down, every further one has something. Within it a lane may have as much
 * as it leaves free: so neither a namespace that takes nothing nor a hot key keeps others on disk.
 */
export class Shares {
  readonly #whole: number
  readonly #perEvent: number
  readonly #perByte: number
  readonly #shares = new Map<string, Share>()
  #weight = 0

  constructor({ parcels, events, bytes }: Most) {
    this.#whole = parcels * UNIT
    this.#perEvent = this.#whole / events
    this.#perByte = this.#whole / bytes
  }

  /** Lanes that hold something. */
  get lanes(): number {
    let lanes = 0
    for (const share of this.#shares.values()) lanes += share.lanes.size
    return lanes
  }

  /** Where a row is counted that comes into memory at once: a lane that holds nothing is not known. */
  of(namespace: string, workflowId: string): LaneLoad {
    const share = this.#shares.get(namespace) ?? this.#open(namespace)
    let lane = share.lanes.get(workflowId)
    if (lane === undefined) {
      lane = new LaneLoad(share, workflowId)
      share.lanes.set(workflowId, lane)
    }
    return lane
  }

  /** Who has no room for one more row; undefined: there is room. */
  lacking(namespace: string, workflowId: string): Lacking | undefined {
    const share = this.#shares.get(namespace)
    if (share === undefined) return undefined
    const free = this.#freeOf(share)
    if (free <= 0) return 'namespace'
    const lane = workflowId === '' ? undefined : share.lanes.get(workflowId)
    if (lane === undefined) return undefined
    if (lane.rows >= LANE_ROWS) return 'lane'
    const size = share.weight + free
    if (free >= size * RESERVE) return lane.weight > free ? 'lane' : undefined
    return lane.weight > free * RESERVE && lane.weight >= size * SMALL ? 'crowded' : undefined
  }

  /** Whether half of the namespace's share is free, so that it is worth to read more of it. */
  isHalfFree(namespace: string): boolean {
    const share = this.#shares.get(namespace)
    return share === undefined || share.weight <= this.#freeOf(share)
  }

  /** How many rows of the namespace there may be room for at once. */
  roomFor(namespace: string): number {
    const share = this.#shares.get(namespace)
    return Math.floor((share === undefined ? this.#whole * LEAST : this.#freeOf(share)) / UNIT)
  }

  /** How many rows are to be read for the lane: none before half of what it may have is free. */
  wanted(namespace: string, workflowId: string): number {
    const share = this.#shares.get(namespace)
    if (share === undefined) return LANE_ROWS
    const free = this.#freeOf(share)
    if (free <= 0) return 0
    if (workflowId === '') return LANE_ROWS
    const { rows = 0, weight = 0 } = share.lanes.get(workflowId) ?? {}
    if (rows > 0 && (2 * rows > LANE_ROWS || 3 * weight > free)) return 0
    return Math.min(LANE_ROWS - rows, Math.ceil(free / UNIT))
  }

  /** What the namespace may have beside what it has. */
  #freeOf({ weight }: Share): number {
    const left = (3 * (this.#whole - this.#weight) - weight) / 4
    return Math.max(left, this.#whole * LEAST - weight)
  }

  #open(namespace: string): Share {
    const share: Share = {
      weight: 0,
      lanes: new Map(),
      weightOf: (events, bytes) => Math.ceil(Math.max(UNIT, events * this.#perEvent, bytes * this.#perByte)),
      weigh: (weight) => {
        share.weight += weight
        this.#weight += weight
      },
    }
    this.#shares.set(namespace, share)
    return share
  }
}
