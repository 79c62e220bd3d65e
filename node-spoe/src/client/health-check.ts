import type { ConnectionOptions } from 'node:tls'
import { SpopError } from '../errors.ts'
import { DEFAULT_MAX_FRAME_SIZE } from '../protocol/frame.ts'
import { SPOP_VERSION } from '../protocol/hello.ts'
import { deadline } from './deadline.ts'
import type { AgentHello } from './hello.ts'
import { MAX_TIMER_MS, checkNumber } from '../options.ts'
import { ClientSession } from './session.ts'
import { openSocket } from './socket.ts'

/** Options of {@link healthCheck}. */
export interface HealthCheckOptions {
  /** Milliseconds from the start of the connection to AGENT-HELLO, default 2000, HAProxy's default for checks. */
  readonly timeoutMs?: number | undefined
  /** Speak TLS, with these options of `node:tls`. */
  readonly tls?: ConnectionOptions | undefined
}

/** Whether HAProxy would take the agent for up. */
export interface HealthCheckResult {
  readonly ok: boolean
  /** From the start of the connection to the answer or the failure, milliseconds. */
  readonly latencyMs: number
  /** What the agent answered, if `ok`. */
  readonly hello?: AgentHello
  /** Why not, if not `ok`. */
  readonly error?: Error
  /** SPOP status code: that of the agent's DISCONNECT, or the one that its offence has. */
  readonly status?: number | undefined
}

/** The HELLO of `option spop-check`, the same 82 bytes since HAProxy 2.6 (SPOE.txt 3.2.4, "healthcheck"). */
const OFFER = {
  maxFrameSize: DEFAULT_MAX_FRAME_SIZE,
  capabilities: '',
  supportedVersions: SPOP_VERSION,
  engineId: undefined,
  fragmentation: false,
  strict: true,
} as const

/**
 * Asks an agent as HAProxy's `option spop-check` does: HAPROXY-HELLO with `healthcheck`, and the connection is closed
 * after the answer. An agent that cannot be reached, drains or answers wrong gives `ok: false`.
 *
 * @throws SpopError ERR_SPOP_ADDRESS, ERR_SPOP_OPTION
 */
export async function healthCheck(address: string, options: HealthCheckOptions = {}): Promise<HealthCheckResult> {
  const timeoutMs = checkNumber('timeoutMs', options.timeoutMs ?? 2_000, 1, MAX_TIMER_MS)
  const start = performance.now()
  const opening = openSocket(address, { connectTimeoutMs: timeoutMs, tls: options.tls })
  try {
    const socket = await opening
    try {
      const hello = await new Promise<AgentHello>((resolve, reject) => {
        const session = new ClientSession<never>(OFFER, {
          send: (bytes) => void socket.write(bytes),
          hello: resolve,
          ack: () => {},
          end: reject,
          complaint: () => {},
        })
        const leftMs = Math.max(1, timeoutMs - (performance.now() - start))
        const cancelTimeout = deadline(leftMs, () =>
          session.lost(new SpopError('ERR_SPOP_AGENT_HELLO_TIMEOUT', timeoutMs)),
        )
        socket.on('data', (chunk: Buffer) => session.receive(chunk))
        socket.once('close', () => {
          cancelTimeout()
          session.lost(new SpopError('ERR_SPOP_CONNECTION_LOST', 'it was closed'))
        })
        session.greet()
      })
      return { ok: true, latencyMs: performance.now() - start, hello }
    } finally {
      socket.destroy()
    }
  } catch (caught) {
    const error = caught instanceof Error ? caught : new Error(String(caught))
    const status = error instanceof SpopError ? error.status : undefined
    return { ok: false, latencyMs: performance.now() - start, error, status }
  }
}
