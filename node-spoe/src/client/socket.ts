import { type OnReadOpts, type Socket, type TcpNetConnectOpts, connect } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { parseAddress } from '../address.ts'
import { SpopError } from '../errors.ts'
import { deadline } from './deadline.ts'

/** How to reach an agent. */
export interface SocketOptions {
  /** Milliseconds, TLS handshake included. */
  readonly connectTimeoutMs: number
  /** Speak TLS, with these options of `node:tls`. */
  readonly tls?: ConnectionOptions | undefined
  /** Read into this buffer instead of emitting 'data'. */
  readonly onread?: OnReadOpts | undefined
}

/**
 * Connects to `tcp://host:port`, `tcp://[ipv6]:port` or `unix:///path`. The socket has a listener for 'error' already.
 *
 * @throws SpopError ERR_SPOP_ADDRESS, ERR_SPOP_CONNECT_TIMEOUT; other errors of the system as they are
 */
export function openSocket(address: string, options: SocketOptions): Promise<Socket> {
  const target = parseAddress(address)
  if (target.kind === 'systemd') throw new SpopError('ERR_SPOP_ADDRESS', address)
  const { tls, onread, connectTimeoutMs } = options
  const where = target.kind === 'unix' ? { path: target.path } : { host: target.host, port: target.port }
  const how = { ...where, noDelay: true, ...(onread && { onread }) } as TcpNetConnectOpts
  const socket = tls === undefined ? connect(how) : connectTls({ ...tls, ...how })
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      cancelTimeout()
      reject(error)
    }
    const cancelTimeout = deadline(connectTimeoutMs, () => {
      socket.destroy()
      fail(new SpopError('ERR_SPOP_CONNECT_TIMEOUT', address, connectTimeoutMs))
    })
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      cancelTimeout()
      socket.off('error', fail)
      // What went wrong later is told by 'close', which follows.
      socket.on('error', () => {})
      resolve(socket)
    })
    socket.once('error', fail)
  })
}
