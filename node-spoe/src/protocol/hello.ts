import { SpopError } from '../errors.ts'
import { encodeFrame } from './encode.ts'
import { DEFAULT_MAX_FRAME_SIZE, MIN_MAX_FRAME_SIZE } from './frame.ts'
import { type KvEntry, readKvList } from './kv.ts'
import { Type } from './values.ts'
import type { Cursor } from './varint.ts'

/** The only version in the field: HAProxy offers exactly this since 1.8 and refuses any other answer. */
export const SPOP_VERSION = '2.0'

/** What HAProxy says first on a connection. */
export interface HaproxyHello {
  /** Bytes, what may follow LEN. */
  readonly maxFrameSize: number
  readonly capabilities: string
  /** Names HAProxy's process or thread; undefined for a health check. */
  readonly engineId: string | undefined
  /** `option spop-check`: answered like any other, after which HAProxy closes the connection. */
  readonly healthcheck: boolean
}

/**
 * HAPROXY-HELLO payload, a KV-LIST (SPOE.txt 3.2.4)
 *   "supported-versions"  STRING  comma-separated
 *   "max-frame-size"      UINT32
 *   "capabilities"        STRING  comma-separated
 *   "engine-id"           STRING  optional
 *   "healthcheck"         BOOL    optional
 *
 * Refuses only what makes talking impossible, because a refused HELLO makes HAProxy up to 3.0 reconnect in a storm:
 * no version (status 5), no version 2.0 (8), a frame size below 256 (9). A missing size counts as HAProxy's default.
 */
export function readHaproxyHello(cursor: Cursor): HaproxyHello {
  const list = readKvList(cursor)
  const versions = text(list.get('supported-versions'))
  if (versions === undefined) throw new SpopError('ERR_SPOP_NO_VERSION')
  if (!versions.split(',').some((version) => version.trim() === SPOP_VERSION)) {
    throw new SpopError('ERR_SPOP_VERSION', versions.slice(0, 64).replace(/[^\x20-\x7e]/g, '?'))
  }
  return {
    maxFrameSize: frameSize(list.get('max-frame-size')),
    capabilities: text(list.get('capabilities')) ?? '',
    engineId: text(list.get('engine-id')),
    healthcheck: list.get('healthcheck')?.value === true,
  }
}

function text(entry: KvEntry | undefined): string | undefined {
  return entry?.type === Type.STRING ? String(entry.value) : undefined
}

function frameSize(entry: KvEntry | undefined): number {
  if (entry === undefined) return DEFAULT_MAX_FRAME_SIZE
  // Any integer type will do; a bigint is far above every limit of ours.
  const size = typeof entry.value === 'bigint' ? Number(entry.value) : entry.value
  if (typeof size !== 'number' || size < MIN_MAX_FRAME_SIZE) {
    throw new SpopError('ERR_SPOP_FRAME_SIZE', String(entry.value).slice(0, 64))
  }
  return size
}

/**
 * AGENT-HELLO, the whole frame (SPOE.txt 3.2.5)
 *   "version"         STRING  "2.0"
 *   "max-frame-size"  UINT32  256 up to the offered size, or HAProxy refuses with status 9
 *   "capabilities"    STRING  must be there: without it the health checks of HAProxy 3.1+ fail
 *
 * `pipelining` may be announced even where it was not offered, and `fragmentation` too, which HAProxy up to 3.0 never
 * offers but uses. `async` lets a request's answer come on any connection, and is gone since 3.1: never announced.
 */
export function encodeAgentHello(maxFrameSize: number, fragmentation = false): Buffer {
  const capabilities = fragmentation ? 'pipelining,fragmentation' : 'pipelining'
  return encodeFrame({
    type: 'AGENT-HELLO',
    kv: [
      { name: 'version', type: 'STRING', value: SPOP_VERSION },
      { name: 'max-frame-size', type: 'UINT32', value: maxFrameSize },
      { name: 'capabilities', type: 'STRING', value: capabilities },
    ],
  })
}
