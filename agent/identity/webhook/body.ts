import type { Evidence } from '../evidence.ts'
import { denied, type Denied } from '../reasons.ts'

/** Bytes. A MAC over them takes a millisecond or two, in which no other request is answered. */
export const MAX_BODY_BYTES = 1024 * 1024

/**
 * The body, if it is sure to be whole.
 *
 * `req.body` is what HAProxy's buffer holds. `req.body_size` tells more only of a body with a Content-Length: of others it
 * is what has arrived of the chunks that began. So whoever captured a delivery whose body just fills the buffer could
 * send it in chunks with more behind it: we would see what was signed, the server would get the rest too. A body
 * without Content-Length (which HAProxy removes from chunked ones) therefore counts as cut off, unless agent.yaml says
 * that HAProxy itself has made sure.
 */
export function wholeBody({ body, headers }: Evidence, requireLength: boolean): Uint8Array | Denied {
  if (body === undefined || body.bytes.length !== body.size || body.size > MAX_BODY_BYTES)
    return denied('body_truncated')
  if (requireLength) {
    const length = headers.get('content-length')
    if (length === undefined || length.count !== 1 || !/^\d{1,9}$/.test(length.value)) return denied('body_truncated')
    if (Number(length.value) !== body.size) return denied('body_truncated')
  }
  return body.bytes
}
