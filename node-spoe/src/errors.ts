/**
 * Every error of the library, in one place. `status` is the SPOP status code (SPOE.txt 3.2.9) that an
 * AGENT-DISCONNECT carries when the error ends a connection; errors without one concern the caller, not the peer.
 */
export const ERRORS = [
  { code: 'ERR_SPOP_FRAME_TOO_SHORT', status: 4, message: 'frame length {0} is below 7, the smallest legal frame' },
  { code: 'ERR_SPOP_FRAME_TOO_BIG', status: 3, message: 'frame length {0} is above the limit of {1} bytes' },
  { code: 'ERR_SPOP_TRUNCATED', status: 4, message: 'the frame ends inside {0}' },
  { code: 'ERR_SPOP_VARINT', status: 4, message: 'a varint is longer than 10 bytes or above 2^64-1' },
  { code: 'ERR_SPOP_VALUE_TYPE', status: 4, message: 'typed data of the reserved type {0}' },
  { code: 'ERR_SPOP_IDS', status: 4, message: 'frame type {0} must have stream-id 0 and frame-id 0' },
  { code: 'ERR_SPOP_UNEXPECTED_FRAME', status: 4, message: 'frame type {0} is not expected {1}' },
  { code: 'ERR_SPOP_FRAGMENT', status: 10, message: 'frame type {0} without FIN, but fragmentation was not announced' },
  { code: 'ERR_SPOP_INTERLACED', status: 11, message: 'a NOTIFY between the fragments of another' },
  { code: 'ERR_SPOP_NO_VERSION', status: 5, message: 'HAPROXY-HELLO without supported-versions' },
  { code: 'ERR_SPOP_VERSION', status: 8, message: 'HAPROXY-HELLO offers versions "{0}", this agent speaks 2.0' },
  {
    code: 'ERR_SPOP_FRAME_SIZE',
    status: 9,
    message: 'HAPROXY-HELLO offers max-frame-size {0}, at least 256 is needed',
  },
  { code: 'ERR_SPOP_HELLO_TIMEOUT', status: 2, message: 'no HAPROXY-HELLO within {0} ms' },
  { code: 'ERR_SPOP_IDLE', status: 2, message: 'nothing came for {0} ms' },
  { code: 'ERR_SPOP_SLOW_READER', message: 'the peer did not take its answers for {0} ms' },
  { code: 'ERR_SPOP_SLOW_WRITER', message: 'the peer did not end a frame for {0} ms' },
  { code: 'ERR_SPOP_FRAME_ID', status: 12, message: 'a fragment of a frame that was not begun' },
  { code: 'ERR_SPOP_PEER_DISCONNECT', message: 'HAProxy closed the connection with status {0}: {1}' },
  { code: 'ERR_SPOP_AGENT_NO_VERSION', status: 5, message: 'AGENT-HELLO without version' },
  { code: 'ERR_SPOP_AGENT_NO_CAPABILITIES', status: 7, message: 'AGENT-HELLO without capabilities' },
  { code: 'ERR_SPOP_AGENT_VERSION', status: 8, message: 'AGENT-HELLO of version "{0}", only 2.0 was offered' },
  {
    code: 'ERR_SPOP_AGENT_FRAME_SIZE',
    status: 9,
    message: 'AGENT-HELLO with max-frame-size {0}, not within 256 and {1}',
  },
  { code: 'ERR_SPOP_AGENT_HELLO_TIMEOUT', status: 2, message: 'no AGENT-HELLO within {0} ms' },
  { code: 'ERR_SPOP_AGENT_DISCONNECT', status: 'given', message: 'the agent disconnects with status {0}: {1}' },
  { code: 'ERR_SPOP_CONNECTION_LOST', status: 1, message: 'the connection to the agent is lost: {0}' },
  { code: 'ERR_SPOP_CONNECT_TIMEOUT', message: 'no connection to {0} within {1} ms' },
  { code: 'ERR_SPOP_ACK_TIMEOUT', message: 'no ACK within {0} ms' },
  { code: 'ERR_SPOP_ACK_UNEXPECTED', status: 12, message: 'an ACK with stream-id {0}, frame-id {1}: {2}' },
  { code: 'ERR_SPOP_QUEUE_FULL', message: '{0} NOTIFYs wait already' },
  { code: 'ERR_SPOP_CLIENT_CLOSED', message: 'the client is closed' },
  { code: 'ERR_SPOP_INTERNAL', status: 99, message: 'internal error' },
  { code: 'ERR_SPOP_ACK_TOO_BIG', message: 'the variables need more than the {0} bytes an ACK may carry' },
  { code: 'ERR_SPOP_VARIABLE_SCOPE', message: 'variable scope "{0}" is none of proc, sess, txn, req, res' },
  { code: 'ERR_SPOP_VARIABLE_NAME', message: 'variable name "{0}" is empty or has characters outside [A-Za-z0-9_.]' },
  { code: 'ERR_SPOP_VARIABLE_LENGTH', message: 'variable "{0}" is longer than the 63 bytes that HAProxy accepts' },
  { code: 'ERR_SPOP_VARIABLE_VALUE', message: 'variable "{0}": {1}' },
  { code: 'ERR_SPOP_NOT_SYNC', message: 'the handler of "{0}" is declared sync, but returned a promise' },
  { code: 'ERR_SPOP_VIEW_EXPIRED', message: 'message "{0}" was read after handle() returned or awaited' },
  { code: 'ERR_SPOP_ARGUMENT_UNKNOWN', message: 'message "{0}" declares no argument "{1}"' },
  { code: 'ERR_SPOP_OPTION', message: 'option {0}: {1}' },
  { code: 'ERR_SPOP_ACTION', status: 4, message: 'an action {0}' },
  { code: 'ERR_SPOP_ENCODE', message: 'cannot encode {0}: {1}' },
  {
    code: 'ERR_SPOP_ADDRESS',
    message: 'address "{0}" is none of tcp://host:port, tcp://[ipv6]:port, unix:///path, systemd:, systemd:name',
  },
  { code: 'ERR_SPOP_PATH', message: 'the path "{0}" is longer than the {1} bytes that a UNIX socket may have' },
  { code: 'ERR_SPOP_SYSTEMD', message: 'systemd handed over no such socket: {0}' },
  { code: 'ERR_SPOP_ALLOW', message: '"{0}" is neither an IP address nor a network such as 10.0.0.0/8' },
  { code: 'ERR_SPOP_LISTEN', message: 'option {0} does not go with the address {1}' },
  { code: 'ERR_SPOP_TLS', message: 'TLS handshake failed: {0}' },
  { code: 'ERR_SPOP_ADDRESS_IN_USE', message: '{0} is in use: {1}' },
  { code: 'ERR_SPOP_CAPTURE', message: 'the capture cannot be read: {0}, at byte {1}' },
  { code: 'ERR_SPOP_HEX', message: 'line {0} is no hex: {1}' },
  { code: 'ERR_SPOP_CLOSED', message: 'the agent is closed or draining' },
] as const

type ErrorEntry = (typeof ERRORS)[number]

/** Code of a {@link SpopError}. */
export type SpopErrorCode = ErrorEntry['code']

/** `given`: the status is the first detail. */
interface Entry {
  readonly message: string
  readonly status?: number | 'given'
}

const byCode = new Map<string, Entry>(ERRORS.map((e) => [e.code, e]))

/** The one error class of this library. Switch on `code`; the wording of `message` may change. */
export class SpopError extends Error {
  readonly code: SpopErrorCode
  /** SPOP status code of the DISCONNECT this error leads to or came with; undefined where there is none. */
  readonly status: number | undefined
  /** Of an error found in a frame by `node-spoe/protocol`: where in the buffer the element lies that is malformed. */
  offset: number | undefined = undefined

  constructor(code: SpopErrorCode, ...details: readonly (string | number)[]) {
    const entry = byCode.get(code)
    super((entry?.message ?? code).replace(/\{(\d)\}/g, (_, i: string) => String(details[Number(i)] ?? '?')))
    this.name = 'SpopError'
    this.code = code
    this.status = entry?.status === 'given' ? Number(details[0]) : entry?.status
  }
}
