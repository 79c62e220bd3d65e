import { readFileSync } from 'node:fs'
import { type AddressInfo, connect as connectPlain, createServer as createPlainServer } from 'node:net'
import { connect, createServer, type Server } from 'node:tls'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ensureCertificates } from '../../../agent/dev/certificates.ts'
import { waitUntil } from '../../../agent/dev/process.ts'
import { HAPROXY_VERSIONS } from '../../support/edge.ts'
import { newFolder, removeFolder } from '../../support/folder.ts'
import { type Recipe, startRecipe } from '../../support/recipes.ts'

/** A real TLS server that says its name, and the server name that the client asked for. */
async function startTls(name: string, pem: string): Promise<Server> {
  const server = createServer({ key: pem, cert: pem }, (socket) => {
    socket.on('error', () => {})
    socket.end(`${name} for ${String(socket.servername)}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

const addressOf = (server: Server): string => `127.0.0.1:${(server.address() as AddressInfo).port}`

/** A way to a port on which the first bytes of the client come in two parts. @returns its own port; ends with the test */
async function inPieces(port: number): Promise<number> {
  const server = createPlainServer((client) => {
    const onward = connectPlain(port, '127.0.0.1')
    client.once('data', (bytes: Buffer) => {
      onward.write(bytes.subarray(0, 60))
      setTimeout(() => {
        onward.write(bytes.subarray(60))
        client.pipe(onward)
      }, 300)
    })
    onward.pipe(client)
    for (const socket of [client, onward]) socket.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

describe.each(
  HAPROXY_VERSIONS.flatMap((version) => ([undefined, 'session'] as const).map((variant) => ({ version, variant }))),
)('the recipe of TCP mode on HAProxy $version, $variant', ({ version, variant }) => {
  const folder = newFolder()
  const servers: Server[] = []
  let edge: Recipe

  beforeAll(async () => {
    const pem = readFileSync((await ensureCertificates(join(folder, 'tls'))).edge, 'utf8')
    for (const name of ['orders', 'files']) servers.push(await startTls(name, pem))
    const [ORDERS_TLS = '', FILES_TLS = ''] = servers.map(addressOf)
    edge = await startRecipe(version, 'tcp', {
      ...(variant !== undefined && { variant }),
      env: { ORDERS_TLS, FILES_TLS },
    })
  })
  afterAll(async () => {
    await edge?.stop()
    for (const server of servers) server.close()
    removeFolder(folder)
  })

  /** What the server says, or `closed`. */
  const ask = (servername: string, localAddress = '127.0.0.1', port = edge.edge.https): Promise<string> =>
    new Promise((resolve) => {
      let text = ''
      const socket = connect({
        ...(servername !== '' && { servername }),
        socket: connectPlain({ port, host: '127.0.0.1', localAddress }),
        rejectUnauthorized: false,
      })
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
      socket.on('error', () => resolve('closed'))
      socket.on('close', () => resolve(text === '' ? 'closed' : text))
    })

  const byName = it.skipIf(variant === 'session')

  byName('connections go where their server name says, and TLS ends at the server', async () => {
    expect(await ask('orders.example.com')).toBe('orders for orders.example.com')
    expect(await ask('a.files.example.com')).toBe('files for a.files.example.com')
    expect(await ask('ORDERS.example.com')).toBe('orders for ORDERS.example.com')
  })

  it('other names, and none, are closed', async () => {
    for (const name of ['files.example.com', 'evil.example', '']) expect(await ask(name)).toBe('closed')
  })

  it('unwanted networks are closed, whatever they ask for', async () => {
    expect(await ask('orders.example.com', '127.6.6.1')).toBe('closed')
    if (variant === undefined) {
      expect(await ask('orders.example.com', '127.6.8.1')).toBe('orders for orders.example.com')
    }
    expect(await ask('evil.example', '127.6.7.1')).toBe('files for evil.example')
  })

  it('what is no TLS is closed', async () => {
    const answer = await new Promise<string>((resolve) => {
      let text = ''
      const socket = connectPlain(edge.edge.https, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'))
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
      socket.on('error', () => resolve(text))
      socket.on('close', () => resolve(text))
    })
    expect(answer).toBe('')
  })

  byName('a first message in pieces is waited for', async () => {
    expect(await ask('orders.example.com', '127.0.0.1', await inPieces(edge.edge.https))).toBe(
      'orders for orders.example.com',
    )
  })

  it('the log tells which rule closed it', async () => {
    await ask('evil.example')
    const line = '"termination":"PR","decision":"deny","reason":"default_denied","rule":"-"'
    await waitUntil('HAProxy to log it', async () => readFileSync(edge.haproxy.logFile, 'utf8').includes(line))
  })

  it('an agent that is silent opens nothing', async () => {
    await edge.agent.stop()
    expect(await ask('orders.example.com')).toBe('closed')
  })
})
