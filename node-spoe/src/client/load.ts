import { SpopError } from '../errors.ts'
import { deadline } from './deadline.ts'
import { LoadConnection, type LoadRun } from './load-connection.ts'
import { loadFrame } from './load-frame.ts'
import { type LoadOptions, type LoadSettings, readLoadOptions } from './load-options.ts'
import { type LoadResult, Run } from './load-run.ts'
import { openSocket } from './socket.ts'

/** One read buffer for all connections, instead of one per read: what was read is done with before the next read. */
const shared = Buffer.allocUnsafeSlow(65_536)
/** How long an agent may take for its goodbye. */
const LINGER_MS = 500

/**
 * Sends one NOTIFY again and again, as fast as the agent answers or at a given rate, and checks that every ACK answers
 * one in flight. A connection that the agent ends is not opened again; without any the load is over.
 *
 * @throws SpopError ERR_SPOP_OPTION, ERR_SPOP_ENCODE, and what {@link connect} throws if a connection cannot be opened
 */
export async function load(address: string, options: LoadOptions): Promise<LoadResult> {
  const settings = readLoadOptions(options)
  const run = new Run(settings)
  const frame = loadFrame(options.notify)
  try {
    // One after the other: a burst would measure the agent's backlog.
    for (let i = 0; i < settings.connections && options.signal?.aborted !== true; i++) {
      run.connections.push(await openLoadConnection(address, run, settings, frame, options.tls))
    }
    if (options.signal?.aborted !== true) await run.go(options.signal)
    return run.result()
  } finally {
    await Promise.all(run.connections.map((connection) => connection.close(LINGER_MS)))
  }
}

async function openLoadConnection(
  address: string,
  run: LoadRun,
  { connectTimeoutMs, window }: LoadSettings,
  frame: Buffer,
  tls: LoadOptions['tls'],
): Promise<LoadConnection> {
  let connection: LoadConnection | undefined
  const onread = {
    buffer: shared,
    callback: (length: number): boolean => {
      connection?.receive(shared, length)
      return true
    },
  }
  // TLS has buffers of its own.
  const socket = await openSocket(address, { connectTimeoutMs, tls, onread: tls === undefined ? onread : undefined })
  const opened = new LoadConnection(run, socket, frame, window)
  connection = opened
  if (tls !== undefined) socket.on('data', (chunk: Buffer) => opened.receive(chunk, chunk.length))
  const cancelTimeout = deadline(connectTimeoutMs, () =>
    opened.end(new SpopError('ERR_SPOP_AGENT_HELLO_TIMEOUT', connectTimeoutMs)),
  )
  try {
    await opened.greet()
  } finally {
    cancelTimeout()
  }
  return opened
}
