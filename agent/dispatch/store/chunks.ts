import type { PacketReader } from '../packet.ts'
import type { Claim } from './claim.ts'
import type { Incoming, StoreAction } from './incoming.ts'

/** Bytes of a buffer at least, and buffers that are kept for the next chunks. */
const INITIAL = 1024
const KEPT = 256
const COMMA = 0x2c

interface OpenChunk {
  readonly action: StoreAction
  readonly workflowId: string
  readonly key: string
  readonly tenant: string
  readonly at: number
  readonly claims: Claim[]
  /** The records, each with a comma behind it. */
  buffer: Buffer
  size: number
  records: number
  /** Bytes of their frames. */
  bytes: number
}

/**
 * Puts metered records together that arrived together and go to the same workflow: one row, one parcel, one outcome. So
 * what a record costs here is to be copied once. A chunk that was handed on is never cut or merged, and keeps its id through
 * every crash and retry: by it the workflow tells what it has counted.
 */
export class Chunks {
  readonly #prefix: string
  #serial = 0
  /** By index of the action, then by workflow id. */
  #open: (Map<string, OpenChunk> | undefined)[] = []
  /** Buffers that are free: at 100,000 records a second nothing is to be collected but the chunks. */
  readonly #free: Buffer[] = []
  #done: Incoming[] = []

  /** @param prefix of chunk ids: no other process ever has the same, and a later one a greater one */
  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** Adds the record of a frame. @param claim of a strict one */
  add(action: StoreAction, frame: PacketReader, claim?: Claim): void {
    const lanes = (this.#open[action.index] ??= new Map())
    const workflowId = frame.workflowId
    const { maxRecords, maxBytes } = action.batch
    const size = frame.bodyBytes + 1
    let chunk = lanes.get(workflowId)
    if (chunk !== undefined && (chunk.records >= maxRecords || chunk.size + size > maxBytes)) {
      this.#finish(chunk)
      chunk = undefined
    }
    if (chunk === undefined) {
      const { key, tenant, at } = frame
      const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(Math.max(INITIAL, size))
      chunk = { action, workflowId, key, tenant, at, claims: [], buffer, records: 0, size: 0, bytes: 0 }
      lanes.set(workflowId, chunk)
    }
    if (chunk.size + size > chunk.buffer.length) chunk.buffer = enlarged(chunk.buffer, chunk.size, size)
    frame.copyBody(chunk.buffer, chunk.size)
    chunk.size += size
    chunk.buffer[chunk.size - 1] = COMMA
    if (claim !== undefined) {
      claim.record = chunk.records
      chunk.claims.push(claim)
    }
    chunk.records++
    chunk.bytes += frame.length
  }

  /** All chunks, in no order; from now on others are begun. */
  take(): Incoming[] {
    for (const lanes of this.#open) if (lanes !== undefined) for (const chunk of lanes.values()) this.#finish(chunk)
    const done = this.#done
    this.#open = []
    this.#done = []
    return done
  }

  #finish({ action, workflowId, key, tenant, at, claims, buffer, size, records, bytes }: OpenChunk): void {
    // As wide as the number of chunks of a process can get, so that they sort as they were made.
    const id = `${this.#prefix}-${(this.#serial++).toString(36).padStart(8, '0')}`
    const body = buffer.toString('utf8', 0, size - 1)
    if (this.#free.length < KEPT) this.#free.push(buffer)
    this.#done.push({ action, id, workflowId, key, tenant, at, events: records, call: '', body, bytes, claims })
  }
}

/** Body of a chunk without some of its records, by their place in it. Only before it was handed on: see {@link Chunks}. */
export function withoutRecords(body: string, records: ReadonlySet<number>): string {
  const all = JSON.parse(`[${body}]`) as unknown[]
  return all
    .filter((_, place) => !records.has(place))
    .map((record) => JSON.stringify(record))
    .join(',')
}

function enlarged(buffer: Buffer, used: number, more: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.max(2 * buffer.length, used + more))
  buffer.copy(larger, 0, 0, used)
  return larger
}
