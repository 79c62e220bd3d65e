import type { IncomingMessage } from 'node:http'

/** Bytes of one call: a payload has 2 MB at most at Temporal, and a list of them 4 MB. */
const MAX_BODY = 8 * 1024 * 1024
/** Bytes of all calls that are being read. */
const MAX_READING = 4 * MAX_BODY

/** Why there is no body: `large` for one call, `busy` with others, `gone` when its sender went away. */
export type BodyProblem = 'large' | 'busy' | 'gone'

/** Reads bodies, of which no more are in memory than there is room for. */
export class BodyReader {
  #reading = 0

  /** Never rejects. */
  async read(request: IncomingMessage): Promise<Buffer | BodyProblem> {
    const chunks: Buffer[] = []
    let length = 0
    try {
      if (Number(request.headers['content-length'] ?? 0) > MAX_BODY) return 'large'
      // Kept open on an early return: whoever sent too much is told so.
      for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        length += chunk.length
        this.#reading += chunk.length
        if (length > MAX_BODY) return 'large'
        if (this.#reading > MAX_READING) return 'busy'
        chunks.push(chunk)
      }
      return Buffer.concat(chunks, length)
    } catch {
      return 'gone'
    } finally {
      this.#reading -= length
    }
  }
}
