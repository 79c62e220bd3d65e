import { SpopError } from '../errors.ts'
import { type Frame, type Message, decodeMessages, inspectFrame } from '../protocol/index.ts'
import type { FrameRecord, Place } from './records.ts'

interface Question {
  readonly number: number
  readonly time: bigint | undefined
}

/** Far more than HAProxy keeps in flight on a connection (20, or `max-waiting-frames`). */
const MAX_OPEN = 256
/** What an open NOTIFY takes in memory, roughly. */
const OPEN_BYTES = 160
/** A frame put together from fragments; HAProxy's own limit is its buffer size. */
const MAX_FRAGMENTED_BYTES = 1024 * 1024

/** Both directions of a connection as SPOP sees them: which ACK answers which NOTIFY, which fragment continues which. */
export class Conversation {
  readonly #open = new Map<string, Question>()
  /** Of the one fragmented NOTIFY there can be: fragments of different frames must not mix (SPOE.txt 3.2.1). */
  #fragments: { readonly key: string; readonly pieces: Uint8Array[]; length: number } | undefined = undefined

  /** Bytes of memory kept for what may still come. */
  get held(): number {
    return this.#open.size * OPEN_BYTES + (this.#fragments?.length ?? 0)
  }

  /** @param bytes a frame with its LEN */
  record(number: number, bytes: Buffer, place: Place): FrameRecord {
    const inspection = inspectFrame(bytes, 4)
    const { frame } = inspection
    const key = frame === undefined ? '' : `${frame.streamId}/${frame.frameId}`
    let answers: FrameRecord['answers']
    if (frame?.type === 'NOTIFY') {
      this.#ask(key, { number, time: place.time })
    } else if (frame?.type === 'ACK') {
      const question = this.#open.get(key)
      this.#open.delete(key)
      if (question !== undefined) {
        const known = question.time !== undefined && place.time !== undefined
        answers = { number: question.number, latency: known ? place.time - question.time : undefined }
      }
    }
    const reassembled = frame === undefined ? undefined : this.#fragment(frame, key)
    return { ...place, number, bytes, inspection, answers, reassembled }
  }

  #ask(key: string, question: Question): void {
    if (this.#open.size >= MAX_OPEN) this.#open.delete(this.#open.keys().next().value!)
    this.#open.set(key, question)
  }

  /** The messages, once the last fragment is there. */
  #fragment(frame: Frame, key: string): readonly Message[] | SpopError | undefined {
    if (frame.type !== 'UNSET' && frame.type !== 'NOTIFY') return undefined
    if (frame.type === 'NOTIFY') {
      if (frame.payload !== undefined) this.#fragments = { key, pieces: [], length: 0 }
      this.#collect(frame.payload)
      return undefined
    }
    if (this.#fragments?.key !== key) return undefined
    this.#collect(frame.payload)
    if (!frame.flags.fin || this.#fragments === undefined) return undefined
    const { pieces } = this.#fragments
    this.#fragments = undefined
    if (frame.flags.abort) return undefined
    try {
      return decodeMessages(Buffer.concat(pieces))
    } catch (error) {
      return error instanceof SpopError ? error : new SpopError('ERR_SPOP_INTERNAL')
    }
  }

  #collect(payload: Uint8Array | undefined): void {
    if (payload === undefined || this.#fragments === undefined) return
    this.#fragments.pieces.push(payload)
    this.#fragments.length += payload.length + OPEN_BYTES
    if (this.#fragments.length > MAX_FRAGMENTED_BYTES) this.#fragments = undefined
  }
}
