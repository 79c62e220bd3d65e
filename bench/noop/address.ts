import { connect, type NetConnectOpts } from 'node:net'

/** Where an agent listens, in the words of everyone who has to know. */
export interface Address {
  /** For node-spoe: `tcp://127.0.0.1:9000`, `unix:///path`. */
  readonly url: string
  /** For the peers: `127.0.0.1:9000`. */
  readonly target: string
  /** For a `server` line of HAProxy. */
  readonly haproxy: string
  readonly connect: NetConnectOpts
}

/** Whether somebody listens there. */
export function accepts({ connect: options }: Pick<Address, 'connect'>): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(options)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
