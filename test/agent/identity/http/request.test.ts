import { createServer } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ConnectionPool } from '../../../../agent/identity/http/pool.ts'
import { httpRequest, type HttpAnswer, type HttpOptions } from '../../../../agent/identity/http/request.ts'
import { clientCertificate } from '../../../support/client-certificates.ts'
import { startConnectProxy } from '../support/connect-proxy.ts'
import { makeCertificates, startHttpsServer, type TestCertificates } from '../support/https-server.ts'
import { hang, json, startJwksServer, text, type JwksServer } from '../support/jwks-server.ts'
import { until } from '../support/provider.ts'

let server: JwksServer
let certificates: TestCertificates

beforeAll(async () => {
  server = await startJwksServer()
  certificates = await makeCertificates()
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await certificates[Symbol.asyncDispose]()
})

const generous = { timeoutMs: 30_000, maxBytes: 1000 }
const ask = (url: URL | string, options: Partial<HttpOptions> = {}): Promise<HttpAnswer> =>
  httpRequest(new URL(url, server.issuer), { ...generous, signal: new AbortController().signal, ...options })

/** The message of the FetchError it ends with. */
async function failure(asked: Promise<HttpAnswer>): Promise<string> {
  const error = await asked.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toMatchObject({ name: 'FetchError' })
  return (error as Error).message
}

describe('httpRequest', () => {
  it('posts a body with headers, and gives status, text and the wanted headers only', async () => {
    server.answer('/introspect', (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        response.writeHead(207, { 'X-Seen': request.headers['content-type'], 'X-Other': '1' })
        response.end(`${request.method} ${request.headers['content-length']} ${Buffer.concat(chunks).toString()}`)
      })
    })
    const answer = await ask('/introspect', {
      method: 'POST',
      body: 'token=ä',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      answerHeaders: ['x-seen', 'x-missing'],
    })
    expect(answer).toEqual({
      status: 207,
      headers: { 'x-seen': 'application/x-www-form-urlencoded' },
      text: 'POST 8 token=ä',
    })
  })

  it.each([201, 204, 302, 401, 500])('gives HTTP %i back as it is and follows nothing', async (status) => {
    server.answer('/status', text('', status, { location: `${server.issuer}/elsewhere` }))
    expect((await ask('/status')).status).toBe(status)
    expect(server.requests).not.toContain('/elsewhere')
  })

  it.each([
    ['a hanging server', hang, 'no answer within 50 ms', { timeoutMs: 50 }],
    ['a long body', text('x'.repeat(1001)), 'the answer is longer than 1000 bytes', {}],
    ['a long body of an error', text('x'.repeat(1001), 503), 'HTTP 503: the answer is longer than 1000 bytes', {}],
    ['a compressed body', json({}, { 'content-encoding': 'gzip' }), 'the answer is compressed', {}],
    [
      'a forbidden header value',
      json({}),
      'the request cannot be made: an address, a header or a certificate is not valid',
      { headers: { authorization: 'Bearer a\nb' } },
    ],
  ] as const)('refuses %s', async (_what, answer, message, options) => {
    server.answer('/bad', answer)
    expect(await failure(ask('/bad', options))).toBe(message)
  })

  it('takes a body of exactly the allowed length', async () => {
    server.answer('/full', text('x'.repeat(1000)))
    expect((await ask('/full')).text).toHaveLength(1000)
  })

  it('asks for no compression', async () => {
    server.answer('/encoding', (request, response) => void response.end(request.headers['accept-encoding']))
    expect((await ask('/encoding')).text).toBe('identity')
  })

  it('ends at once when it is told to', async () => {
    server.answer('/hang', hang)
    const stop = new AbortController()
    const asked = ask('/hang', { signal: stop.signal })
    await until(() => server.requests.includes('/hang'))
    stop.abort()
    expect(await failure(asked)).toBe('stopped')
  })

  it('never quotes the server', async () => {
    const rude = createTcpServer((socket) => socket.end('SECRET / nonsense\r\n\r\n'))
    await new Promise<void>((resolve) => rude.listen(0, '127.0.0.1', resolve))
    const message = await failure(ask(`http://127.0.0.1:${(rude.address() as AddressInfo).port}/`))
    rude.close()
    expect(message).toBe('connection failed (HPE_INVALID_CONSTANT)')
  })
})

describe('a server with a certificate of a private authority', () => {
  it('is trusted with its CA, and sees the client certificate', async () => {
    await using mutual = await startHttpsServer(
      certificates.edge,
      (request, response) => {
        const { authorized } = request.socket as unknown as { authorized: boolean }
        response.end(String(authorized))
      },
      { ca: certificates.ca, requestCert: true, rejectUnauthorized: false },
    )
    const { ca, edge } = certificates
    expect((await ask(mutual.url, { ca })).text).toBe('false')
    expect((await ask(mutual.url, { ca, clientCertificate: { cert: edge, key: edge } })).text).toBe('true')
    expect(await failure(ask(mutual.url))).toBe('connection failed (SELF_SIGNED_CERT_IN_CHAIN)')
  })
})

describe('a pool', () => {
  it('uses its connections again, and never more than it may', async () => {
    const ports: (number | undefined)[] = []
    server.answer('/port', (request, response) => {
      ports.push(request.socket.remotePort)
      setImmediate(() => response.end())
    })
    const pool = new ConnectionPool({ maxSockets: 2, idleMs: 10_000, connectTimeoutMs: 1000 })
    await Promise.all(Array.from({ length: 20 }, () => ask('/port', { pool })))
    pool.close()
    expect([ports.length, new Set(ports).size]).toEqual([20, 2])
  })

  it('asks once more where the server closed the connection as it was used again', async () => {
    let served = 0
    const fickle = createServer((request, response) => {
      served++
      // The second request of a connection finds it closed.
      if (request.socket.bytesWritten > 0) return void request.socket.destroy()
      response.end('ok')
    })
    await new Promise<void>((resolve) => fickle.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(fickle.address() as AddressInfo).port}/`
    const pool = new ConnectionPool({ maxSockets: 1, idleMs: 10_000, connectTimeoutMs: 1000 })
    expect([(await ask(url, { pool })).text, (await ask(url, { pool })).text, served]).toEqual(['ok', 'ok', 3])
    pool.close()
    fickle.close()
  })

  it('closes connections that nobody uses', async () => {
    const open = new Set<Socket>()
    const idle = createServer((_request, response) => void response.end('ok'))
    idle.keepAliveTimeout = 0 // never its own idea
    idle.on('connection', (socket) => {
      open.add(socket)
      socket.on('close', () => open.delete(socket))
    })
    await new Promise<void>((resolve) => idle.listen(0, '127.0.0.1', resolve))
    const pool = new ConnectionPool({ maxSockets: 1, idleMs: 20, connectTimeoutMs: 1000 })
    await ask(`http://127.0.0.1:${(idle.address() as AddressInfo).port}/`, { pool })
    await until(() => open.size === 0)
    idle.close()
  })

  it('does not ask again where a new connection is cut', async () => {
    server.answer('/cut', (request) => void request.socket.destroy())
    const before = server.requests.length
    const pool = new ConnectionPool({ maxSockets: 1, idleMs: 10_000, connectTimeoutMs: 1000 })
    expect(await failure(ask('/cut', { pool }))).toBe('connection failed (ECONNRESET)')
    expect(server.requests.length - before).toBe(1)
    pool.close()
  })

  it('lets a request that waits for a connection be stopped', async () => {
    server.answer('/busy', hang)
    const pool = new ConnectionPool({ maxSockets: 1, idleMs: 10_000, connectTimeoutMs: 1000 })
    const [first, second] = [new AbortController(), new AbortController()]
    const busy = failure(ask('/busy', { pool, signal: first.signal }))
    const waiting = failure(ask('/busy', { pool, signal: second.signal }))
    second.abort()
    expect(await waiting).toBe('stopped')
    first.abort()
    expect(await busy).toBe('stopped')
    expect(await failure(ask('/busy', { pool, signal: first.signal }))).toBe('stopped')
    pool.close()
  })

  it('counts the wait for a free connection as part of the time', async () => {
    server.answer('/busy', hang)
    const pool = new ConnectionPool({ maxSockets: 1, idleMs: 10_000, connectTimeoutMs: 1000 })
    const stop = new AbortController()
    const first = failure(ask('/busy', { pool, signal: stop.signal }))
    expect(await failure(ask('/busy', { pool, timeoutMs: 50 }))).toBe('no answer within 50 ms')
    stop.abort()
    await first
    pool.close()
  })
})

describe('a file of authorities that holds none', () => {
  it.each(['', '\n', 'not PEM'])('does not stand for the authorities of the system: %j', async (ca) => {
    await using target = await startHttpsServer(certificates.edge, (_request, response) => void response.end('hello'))
    const before = getCACertificates('default')
    setDefaultCACertificates([...before, certificates.ca])
    try {
      expect((await ask(target.url)).text).toBe('hello')
      expect(await failure(ask(target.url, { ca }))).toBe('caFile holds no certificate')
    } finally {
      setDefaultCACertificates(before)
    }
  })
})

describe('a client certificate that TLS refuses', () => {
  const weak = { modulusLength: 1024, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' }
  const shown = async (): Promise<Pick<HttpOptions, 'clientCertificate'>> => {
    const { cert, key } = await clientCertificate({ algorithm: { name: 'RSASSA-PKCS1-v1_5', ...weak } })
    return { clientCertificate: { cert, key } }
  }
  const https = 'https://localhost:9/'

  it('is an error of the request', async () => {
    expect(await failure(ask(https, await shown()))).toMatch('certificate is not valid')
  })

  it('is one behind a proxy too, and not one that ends the process', async () => {
    await using proxy = await startConnectProxy({
      answer: (client) => client.write('HTTP/1.1 200 Connection established\r\n\r\n'),
    })
    expect(await failure(ask(https, { proxy: proxy.url, ...(await shown()) }))).toMatch('TLS cannot begin')
    await until(() => proxy.open.size === 0)
  })
})

describe('a proxy', () => {
  it('is asked for https targets with the credentials of its URL, and the target is still verified', async () => {
    await using target = await startHttpsServer(certificates.edge, (_request, response) => void response.end('hello'))
    await using proxy = await startConnectProxy()
    const url = new URL(proxy.url)
    url.username = 'agent'
    url.password = 'p%40ss'
    expect((await ask(target.url, { proxy: url, ca: certificates.ca })).text).toBe('hello')
    expect(proxy.targets).toEqual([`localhost:${target.url.port}`])
    expect(proxy.credentials).toEqual([`Basic ${Buffer.from('agent:p@ss').toString('base64')}`])
    expect(await failure(ask(target.url, { proxy: url }))).toMatch('UNABLE_TO_VERIFY_LEAF_SIGNATURE')
    const elsewhere = new URL(target.url)
    elsewhere.hostname = '127.0.0.2'
    expect(await failure(ask(elsewhere, { proxy: url, ca: certificates.ca }))).not.toBe('')
    await until(() => proxy.open.size === 0)
  })

  it('may speak TLS itself, with a certificate of the same private authority', async () => {
    await using target = await startHttpsServer(certificates.edge, (_request, response) => void response.end('hello'))
    await using proxy = await startConnectProxy({ tls: certificates.edge })
    expect((await ask(target.url, { proxy: proxy.url, ca: certificates.ca })).text).toBe('hello')
    expect(await failure(ask(target.url, { proxy: proxy.url }))).toBe(
      'no connection to the proxy (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
    )
  })

  it('is never asked for plain http, which stays on this machine', async () => {
    await using proxy = await startConnectProxy()
    server.answer('/direct', text('direct'))
    expect((await ask('/direct', { proxy: proxy.url })).text).toBe('direct')
    expect(proxy.targets).toEqual([])
  })

  it('keeps its tunnels in a pool', async () => {
    await using target = await startHttpsServer(certificates.edge, (_request, response) => void response.end('hello'))
    await using proxy = await startConnectProxy()
    const pool = new ConnectionPool({ maxSockets: 1, idleMs: 10_000, connectTimeoutMs: 1000, proxy: proxy.url })
    for (let i = 0; i < 3; i++) expect((await ask(target.url, { pool, ca: certificates.ca })).text).toBe('hello')
    expect(proxy.targets).toHaveLength(1)
    pool.close()
    await until(() => proxy.open.size === 0)
  })

  it('is gone through once more where a kept tunnel was closed as it was used again', async () => {
    const sent = new Set<unknown>()
    await using target = await startHttpsServer(certificates.edge, (request, response) => {
      if (sent.has(request.socket)) return void request.socket.destroy()
      sent.add(request.socket)
      response.end('hello')
    })
    await using proxy = await startConnectProxy()
    const pool = new ConnectionPool({ maxSockets: 1, idleMs: 10_000, connectTimeoutMs: 1000, proxy: proxy.url })
    for (let i = 0; i < 2; i++) expect((await ask(target.url, { pool, ca: certificates.ca })).text).toBe('hello')
    expect(proxy.targets).toHaveLength(2)
    pool.close()
  })

  it.each([
    [
      'refuses',
      (client: { end(text: string): void }) => client.end('HTTP/1.1 407 Who\r\ncontent-length: 0\r\n\r\n'),
      'the proxy refuses (HTTP 407)',
    ],
    ['cuts', (client: { destroy(): void }) => client.destroy(), 'no connection to the proxy (ECONNRESET)'],
    [
      'speaks before the target',
      (client: { write(text: string): void }) => client.write('HTTP/1.1 200 OK\r\n\r\nSSH-2.0'),
      'the proxy refuses (HTTP 200)',
    ],
    ['hangs', () => {}, 'the proxy does not answer'],
    [
      'lets the handshake hang',
      (client: { write(text: string): void }) => client.write('HTTP/1.1 200 OK\r\n\r\n'),
      'no answer within 100 ms',
    ],
  ])('that %s is a failure, and no connection stays behind', async (_what, answer, message) => {
    await using proxy = await startConnectProxy({ answer: answer as () => void })
    const timeoutMs = message.includes('answer') ? 100 : 30_000
    expect(await failure(ask('https://target.example/', { proxy: proxy.url, timeoutMs }))).toBe(message)
    await until(() => proxy.open.size === 0)
  })

  it('that hangs leaves no connection behind when the request is stopped', async () => {
    await using proxy = await startConnectProxy({ answer: () => {} })
    const stop = new AbortController()
    const asked = failure(ask('https://target.example/', { proxy: proxy.url, signal: stop.signal }))
    await until(() => proxy.targets.length === 1)
    stop.abort()
    expect(await asked).toBe('stopped')
    await until(() => proxy.open.size === 0)
  })

  it('that cannot be reached is told from a target that cannot', async () => {
    const proxy = new URL('http://127.0.0.1:1')
    expect(await failure(ask('https://target.example/', { proxy }))).toBe('no connection to the proxy (ECONNREFUSED)')
  })
})
