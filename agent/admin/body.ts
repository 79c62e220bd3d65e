import type { IncomingMessage } from 'node:http'
import type { JsonObject } from '../identity/plain-json.ts'
import { decodeStrictObject } from '../identity/strict-json.ts'

/** Bytes of a call: a token has 8 KiB at most, a certificate little more. */
export const MAX_BODY = 32 * 1024
/** Two readers may take different ones of two equal keys; nothing that is called for nests. */
const MAX_DEPTH = 2

/** Why a body is none: `large` beyond {@link MAX_BODY}, `gone` when its sender went away. */
export type BodyProblem = 'large' | 'not_json' | 'gone'

/** Reads the JSON object of a call. Never rejects. */
export async function readObject(request: IncomingMessage): Promise<JsonObject | BodyProblem> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY) return 'large'
  const chunks: Buffer[] = []
  let length = 0
  try {
    // Kept open on an early return: whoever sent too much is told so.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length
      if (length > MAX_BODY) return 'large'
      chunks.push(chunk)
    }
  } catch {
    return 'gone'
  }
  return decodeStrictObject(Buffer.concat(chunks), MAX_DEPTH) ?? 'not_json'
}
