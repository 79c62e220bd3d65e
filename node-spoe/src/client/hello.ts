import { SpopError } from '../errors.ts'
import { FrameType, MIN_MAX_FRAME_SIZE } from '../protocol/frame.ts'
import { SPOP_VERSION } from '../protocol/hello.ts'
import { encodeFrame } from '../protocol/encode.ts'
import type { Frame, NamedValue } from '../protocol/model.ts'

/** What a client offers. */
export interface Offer {
  /** Bytes, what may follow LEN. */
  readonly maxFrameSize: number
  /** Comma-separated. */
  readonly capabilities: string
  /** Comma-separated. */
  readonly supportedVersions: string
  /** Undefined for a health check. */
  readonly engineId: string | undefined
}

/** What the agent answered. */
export interface AgentHello {
  readonly version: string
  /** Bytes, agreed: the offered size where the agent named none. */
  readonly maxFrameSize: number
  readonly capabilities: readonly string[]
}

/**
 * HAPROXY-HELLO, the whole frame, byte for byte as HAProxy writes it (SPOE.txt 3.2.4)
 *   "supported-versions"  STRING
 *   "max-frame-size"      UINT32
 *   "capabilities"        STRING
 *   "engine-id"           STRING, or "healthcheck" BOOL true
 */
export function encodeHaproxyHello(offer: Offer): Buffer {
  const kv: NamedValue[] = [
    { name: 'supported-versions', type: 'STRING', value: offer.supportedVersions },
    { name: 'max-frame-size', type: 'UINT32', value: offer.maxFrameSize },
    { name: 'capabilities', type: 'STRING', value: offer.capabilities },
    offer.engineId === undefined
      ? { name: 'healthcheck', type: 'BOOL', value: true }
      : { name: 'engine-id', type: 'STRING', value: offer.engineId },
  ]
  return encodeFrame({ type: 'HAPROXY-HELLO', kv })
}

/**
 * AGENT-HELLO payload, a KV-LIST (SPOE.txt 3.2.5)
 *   "version"         STRING  "2.0", nothing else
 *   "max-frame-size"  UINT32  256 up to the offered size; may be missing since HAProxy 3.1
 *   "capabilities"    STRING  comma-separated; may be missing, but not in the answer to a health check
 *
 * Judged as HAProxy 3.1+ does: other keys and any order are fine.
 *
 * @throws SpopError ERR_SPOP_AGENT_NO_VERSION, ERR_SPOP_AGENT_VERSION, ERR_SPOP_AGENT_FRAME_SIZE,
 *   ERR_SPOP_AGENT_NO_CAPABILITIES, ERR_SPOP_FRAGMENT, ERR_SPOP_IDS, ERR_SPOP_UNEXPECTED_FRAME
 */
export function readAgentHello(frame: Frame, offer: Offer): AgentHello {
  if (frame.type !== 'AGENT-HELLO') {
    throw new SpopError('ERR_SPOP_UNEXPECTED_FRAME', frame.type, 'in answer to HAPROXY-HELLO')
  }
  checkHead(frame, FrameType.AGENT_HELLO)
  const version = text(frame.kv, 'version')
  if (version === undefined) throw new SpopError('ERR_SPOP_AGENT_NO_VERSION')
  if (version.trim() !== SPOP_VERSION) throw new SpopError('ERR_SPOP_AGENT_VERSION', version.slice(0, 64))
  const size = Number(frame.kv.find((entry) => entry.name === 'max-frame-size')?.value ?? offer.maxFrameSize)
  // Written so that NaN, of a size that is no number, is refused as well.
  if (!(size >= MIN_MAX_FRAME_SIZE && size <= offer.maxFrameSize)) {
    throw new SpopError('ERR_SPOP_AGENT_FRAME_SIZE', size, offer.maxFrameSize)
  }
  const capabilities = text(frame.kv, 'capabilities')
  if (capabilities === undefined && offer.engineId === undefined) {
    throw new SpopError('ERR_SPOP_AGENT_NO_CAPABILITIES')
  }
  return { version: SPOP_VERSION, maxFrameSize: size, capabilities: words(capabilities ?? '') }
}

/** HELLO and DISCONNECT come whole and belong to no stream. */
function checkHead(frame: Frame, typeCode: number): void {
  if (!frame.flags.fin) throw new SpopError('ERR_SPOP_FRAGMENT', typeCode)
  if (frame.streamId !== 0 || frame.frameId !== 0) throw new SpopError('ERR_SPOP_IDS', typeCode)
}

/** `status-code` and `message` of an AGENT-DISCONNECT as the error that it is (SPOE.txt 3.2.9). */
export function disconnectError(kv: readonly NamedValue[]): SpopError {
  const status = kv.find((entry) => entry.name === 'status-code')?.value
  const code = typeof status === 'number' || typeof status === 'bigint' ? Number(status) : 99
  return new SpopError('ERR_SPOP_AGENT_DISCONNECT', code, (text(kv, 'message') ?? '').slice(0, 255))
}

function text(kv: readonly NamedValue[], name: string): string | undefined {
  const entry = kv.find((candidate) => candidate.name === name)
  return entry?.type === 'STRING' ? entry.value : undefined
}

function words(list: string): string[] {
  return list
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
}
