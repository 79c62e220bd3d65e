import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isLoopback } from '../../admin/loopback.ts'
import type { Log } from '../../identity/log.ts'
import type { Secret } from '../../secrets/secret.ts'
import { BodyReader } from './body.ts'
import { answerCodecCall, type CallKeys } from './call.ts'

export interface CodecServerOptions {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  readonly keys: CallKeys
  /** Whoever gives it starts and closes it. Without one the server answers this machine alone. */
  readonly token?: { readonly current: Secret | undefined } | undefined
  /** Origins of the pages that may call, `scheme://host[:port]`. */
  readonly origins?: readonly string[]
  readonly log: Log
}

export interface CodecServer {
  /** `http://host:port`, with the port that was bound. */
  readonly url: string
  close(): Promise<void>
}

/** Without a token everybody who reaches the server could read payloads. */
export class UnprotectedError extends Error {
  override readonly name = 'UnprotectedError'

  constructor(address: string) {
    super(`${address} is not on loopback, and there is no token: everybody could read payloads`)
  }
}

/**
 * Temporal's remote codec: shows encrypted payloads to the UI and the command line of Temporal.
 * @throws {UnprotectedError} when it could be reached from elsewhere and there is no token
 * @throws {Error} of the system when the address cannot be had
 */
export async function startCodecServer(options: CodecServerOptions): Promise<CodecServer> {
  const { host, port, keys, token, origins = [], log } = options
  const calls = { keys, token, origins: new Set(origins), bodies: new BodyReader(), log }
  const server = createServer()
  server.headersTimeout = 5000
  server.requestTimeout = 30_000
  server.maxConnections = 256
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const { address, port: bound } = server.address() as AddressInfo
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  // Where it is bound, not what was asked for: a name such as localhost may stand for another address.
  if (!isLoopback(address)) {
    if (token === undefined) {
      await close()
      throw new UnprotectedError(address)
    }
    log.warn({ address }, 'not on loopback: payloads go over the network in plain text, unless TLS is put in front')
  }
  server.on('request', (request, response) => void answerCodecCall(request, response, calls))
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`, close }
}
