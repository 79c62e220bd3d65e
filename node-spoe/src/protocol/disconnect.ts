import { encodeFrame } from './encode.ts'
import { readKvList } from './kv.ts'
import { STATUS_UNKNOWN, statusMessage } from './status.ts'
import type { Cursor } from './varint.ts'

/** Why HAProxy closes the connection. */
export interface HaproxyDisconnect {
  readonly status: number
  readonly message: string
}

/**
 * HAPROXY-DISCONNECT payload, a KV-LIST (SPOE.txt 3.2.8)
 *   "status-code"  UINT32
 *   "message"      STRING
 */
export function readHaproxyDisconnect(cursor: Cursor): HaproxyDisconnect {
  const list = readKvList(cursor)
  const status = list.get('status-code')?.value
  const message = list.get('message')?.value
  return {
    status: typeof status === 'number' ? status : STATUS_UNKNOWN,
    // It ends up in logs, where a peer must not write lines of its own.
    message: typeof message === 'string' ? message.slice(0, 255).replace(/[^\x20-\x7e]/g, '?') : '',
  }
}

/**
 * AGENT-DISCONNECT, the whole frame, same payload (SPOE.txt 3.2.9). The message is the status code's own: HAProxy up to
 * 3.0 refuses one above 255 bytes, and what a peer may learn about an error is its code.
 */
export function encodeAgentDisconnect(status: number): Buffer {
  return encodeDisconnect('AGENT-DISCONNECT', status)
}

/** HAPROXY-DISCONNECT, the whole frame: what a client says before it closes (SPOE.txt 3.2.8). */
export function encodeHaproxyDisconnect(status: number): Buffer {
  return encodeDisconnect('HAPROXY-DISCONNECT', status)
}

function encodeDisconnect(type: 'AGENT-DISCONNECT' | 'HAPROXY-DISCONNECT', status: number): Buffer {
  return encodeFrame({
    type,
    kv: [
      { name: 'status-code', type: 'UINT32', value: status },
      { name: 'message', type: 'STRING', value: statusMessage(status) },
    ],
  })
}
