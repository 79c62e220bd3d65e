import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import type { ServerTls } from '../../agent/dispatch/temporal/support/tls-service.ts'

export interface TlsFront {
  readonly address: string
  /** Subjects of the certificates that clients have shown, one for each connection. */
  readonly clients: readonly string[]
  /** Ends the connections of one client, and takes none of its any more. */
  ban(subject: string): void
}

/** TLS with client certificates in front of a server that has none. It ends with the test. */
export async function tlsFront(tls: ServerTls, port: number): Promise<TlsFront> {
  const clients: string[] = []
  const banned = new Set<string>()
  const open = new Set<TLSSocket>()
  const subjectOf = (socket: TLSSocket): string => socket.getPeerX509Certificate()?.subject ?? ''
  const options = { ...tls, requestCert: true, rejectUnauthorized: true, ALPNProtocols: ['h2'] }
  const server = createServer(options, (socket) => {
    const subject = subjectOf(socket)
    socket.on('error', () => undefined)
    if (banned.has(subject)) return void socket.destroy()
    clients.push(subject)
    open.add(socket)
    const upstream = connect(port, '127.0.0.1')
    upstream.on('error', () => socket.destroy())
    socket.on('close', () => {
      open.delete(socket)
      upstream.destroy()
    })
    upstream.on('close', () => socket.destroy())
    socket.pipe(upstream).pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    clients,
    ban(subject) {
      banned.add(subject)
      for (const socket of open) if (subjectOf(socket) === subject) socket.destroy()
    },
  }
}
