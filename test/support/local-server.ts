import { createServer as createHttpServer, type RequestListener, type Server as HttpServer } from 'node:http'
import { connect, createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** Lets a server listen on this machine. @returns its port, a free one unless another is asked for */
export async function listen(
  server: Server | HttpServer,
  host: '127.0.0.1' | 'localhost' = '127.0.0.1',
  port = 0,
): Promise<number> {
  await new Promise<void>((resolve) => server.listen(port, host, resolve))
  return (server.address() as AddressInfo).port
}

/** Ends it with all its connections. */
export async function closeServer(server: HttpServer): Promise<void> {
  server.closeAllConnections()
  await new Promise<void>((resolve) => server.close(() => resolve()))
}

/** Answers HTTP on 127.0.0.1 until the test has ended. @returns the port */
export async function serveHttp(answer: RequestListener): Promise<number> {
  const server = createHttpServer(answer)
  const port = await listen(server)
  onTestFinished(() => closeServer(server))
  return port
}

/** Takes connections, says nothing, and hears everything; closes its side of one `whenEnded` only. Ends with the test. */
export async function serveSilence({ whenEnded }: { readonly whenEnded: boolean }): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createTcpServer({ allowHalfOpen: !whenEnded }, (socket) => {
    sockets.add(socket.resume().on('error', () => undefined))
  })
  const port = await listen(server)
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return port
}

export interface Wire {
  readonly port: number
  /** From now on nothing passes, and nobody is told: as when a network falls silent. */
  cut(): void
}

/** A way to a port of this machine that can be cut. Ends with the test. */
export async function wireTo(port: number): Promise<Wire> {
  const ends = new Set<Socket>()
  let isCut = false
  const server = createTcpServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(from.on('error', () => undefined))
      from.on('data', (bytes) => void (isCut || to.write(bytes)))
      from.on('end', () => void (isCut || to.end()))
    }
  })
  const at = await listen(server)
  onTestFinished(() => {
    for (const end of ends) end.destroy()
    server.close()
  })
  return { port: at, cut: () => void (isCut = true) }
}
