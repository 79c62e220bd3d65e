import { SpopError } from '../errors.ts'
import type { Ids } from './notify.ts'

/** How many settled NOTIFYs are remembered by name, to tell a repeated ACK from a late one. */
const REMEMBERED = 1_024

type Fate = 'answered' | 'timed out'

/** NOTIFYs without an ACK, by their ids, and what became of the latest others. */
export class Outstanding<Context> {
  readonly #waiting = new Map<string, { readonly value: Context }>()
  readonly #settled = new Map<string, Fate>()
  #nextStreamId = 1
  /** HAProxy 3.1+ takes an ACK for a stream up to here for a late one, and any above for a reason to disconnect. */
  #highest = -1n

  /** Completes ids as HAProxy 3.1+ counts them. */
  ids({ streamId, frameId = 1 }: Partial<Ids>): Ids {
    if (streamId !== undefined) {
      const ids = { streamId, frameId }
      if (this.#waiting.has(key(ids))) {
        throw new SpopError('ERR_SPOP_OPTION', 'streamId', `${streamId} with frame-id ${frameId} is in flight already`)
      }
      return ids
    }
    let ids = { streamId: this.#nextStreamId, frameId }
    while (this.#waiting.has(key(ids))) ids = { streamId: ids.streamId + 2, frameId }
    this.#nextStreamId = ids.streamId + 2
    return ids
  }

  add(ids: Ids, value: Context): void {
    const streamId = BigInt(ids.streamId)
    if (streamId > this.#highest) this.#highest = streamId
    this.#waiting.set(key(ids), { value })
  }

  /** The context of the NOTIFY that these ids answer. */
  take(ids: Ids): { readonly value: Context } | undefined {
    const found = this.#waiting.get(key(ids))
    if (found !== undefined) this.settle(ids, 'answered')
    return found
  }

  settle(ids: Ids, fate: Fate): void {
    const name = key(ids)
    if (!this.#waiting.delete(name)) return
    this.#settled.delete(name)
    this.#settled.set(name, fate)
    if (this.#settled.size <= REMEMBERED) return
    const oldest = this.#settled.keys().next()
    if (oldest.done !== true) this.#settled.delete(oldest.value)
  }

  /** What became of a NOTIFY that does not wait. */
  fate(ids: Ids): Fate | 'unknown' {
    const known = this.#settled.get(key(ids))
    if (known !== undefined) return known
    return ids.frameId === 1 && BigInt(ids.streamId) <= this.#highest ? 'timed out' : 'unknown'
  }
}

function key({ streamId, frameId }: Ids): string {
  return `${streamId}:${frameId}`
}
