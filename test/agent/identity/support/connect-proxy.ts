import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** A proxy on loopback that tunnels by CONNECT and remembers what it was asked. */
export interface ConnectProxy {
  readonly url: URL
  /** Targets asked for, `host:port`. */
  readonly targets: string[]
  /** Proxy-Authorization of each. */
  readonly credentials: (string | undefined)[]
  /** Connections of clients that are open now. */
  readonly open: Set<Socket>
  [Symbol.asyncDispose](): Promise<void>
}

export interface ConnectProxyOptions {
  /** Speaks TLS to its clients with this certificate and key (PEM). */
  readonly tls?: string
  /** Answers CONNECT itself instead of tunnelling. */
  readonly answer?: (client: Duplex) => void
  /** Port of this machine where all tunnels end, whatever target is asked for. */
  readonly port?: number
}

/** Starts on a free port of localhost. */
export async function startConnectProxy(options: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const [targets, credentials] = [[] as string[], [] as (string | undefined)[]]
  const open = new Set<Socket>()
  const refuse: RequestListener = (_request, response) => void response.writeHead(405).end()
  const server: Server =
    options.tls === undefined
      ? createHttpServer(refuse)
      : createHttpsServer({ cert: options.tls, key: options.tls }, refuse)
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  server.on('connect', (request, client) => {
    targets.push(request.url ?? '')
    credentials.push(request.headers['proxy-authorization'])
    client.on('error', () => {})
    if (options.answer !== undefined) {
      client.on('end', () => client.end()).resume() // unread, it would not notice that the other side has gone
      return options.answer(client)
    }
    const { hostname, port } = new URL(`http://${request.url}`)
    const upstream = connect(options.port ?? Number(port), options.port === undefined ? hostname : 'localhost', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.pipe(client).pipe(upstream)
    })
    upstream.on('error', () => {})
    upstream.on('close', () => client.destroy())
    client.on('end', () => upstream.destroy())
    client.on('close', () => upstream.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: new URL(`${options.tls === undefined ? 'http' : 'https'}://localhost:${port}`),
    targets,
    credentials,
    open,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
