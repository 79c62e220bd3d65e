import { connect as connectH2 } from 'node:http2'
import { connect as connectTls } from 'node:tls'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { echoOf, reasonOf } from '../../agent/dev/request.ts'
import { demoRequests } from '../../agent/dev/script.ts'
import { ROOT } from '../../agent/dev/tools.ts'
import type { UpstreamEcho } from '../../agent/dev/upstream.ts'
import {
  bearer,
  type Edge,
  HAPROXY_VERSIONS,
  haproxyBinary,
  inParallel,
  NO_TEMPORAL,
  startEdge,
} from '../support/edge.ts'

describe.each(HAPROXY_VERSIONS)('decisions through HAProxy %s', (version) => {
  let edge: Edge
  beforeAll(async () => {
    edge = await startEdge(version, { temporalAddress: NO_TEMPORAL, worker: false })
  })
  afterAll(() => edge?.stop())

  it('accepts the shipped configuration without a warning', () => {
    const result = spawnSync(haproxyBinary(version), ['-c', '-dW', '-f', join(ROOT, 'haproxy.cfg')], {
      env: { ...process.env, ...edge.env },
      encoding: 'utf8',
    })
    expect(result.stderr).not.toMatch(/WARNING|ALERT/)
    expect(result.status).toBe(0)
  })

  it('answers every scripted request as the rules say', async () => {
    const requests = await demoRequests(edge.identity)
    for (const { name, expect: expected, ...request } of requests) {
      const response = await edge.send(request)
      const logged = await edge.logged(response)
      const echo = echoOf(response)
      const seen = {
        name,
        status: response.status,
        reason: logged.reason,
        ...(expected.rule !== undefined && { rule: logged.rule }),
        ...(expected.upstream !== undefined && { upstream: echo?.upstream }),
        ...(expected.identity !== undefined && { identity: echo?.identity }),
      }
      const { challenge, workflow, ...wanted } = expected
      expect(seen).toEqual({ name, ...wanted })
      if (challenge !== undefined)
        expect(response.headers['www-authenticate']).toMatch(/^Bearer realm="haproxy-temporal"/)
      if (workflow !== undefined) expect(logged.workflow).toBe(workflow.id(response.requestId))
      if (response.status >= 400) expect(reasonOf(response)).toBe(expected.reason)
    }
  })

  it('names the missing credential in the challenge, and the error of a bad one', async () => {
    const bare = await edge.send({ method: 'GET', path: '/api/usage' })
    expect(bare.headers['www-authenticate']).toBe('Bearer realm="haproxy-temporal"')
    const expired = await edge.identity.sign({ sub: 'viewer', iat: 1000, exp: 2000 })
    const refused = await edge.send({ method: 'GET', path: '/api/usage', headers: bearer(expired) })
    expect(refused.headers['www-authenticate']).toContain('error="invalid_token"')
  })

  it('redirects plain HTTP before anybody is asked, so no event happens twice', async () => {
    const token = await edge.identity.token('buyer', { scope: 'orders:write' })
    const { received } = (await edge.events()).total
    const response = await fetch(`http://localhost:${edge.edge.http}/orders/1?x=1`, {
      method: 'POST',
      headers: bearer(token),
      redirect: 'manual',
    })
    expect(response.status).toBe(308)
    expect(response.headers.get('location')).toBe(`https://localhost:${edge.edge.https}/orders/1?x=1`)
    expect((await edge.events()).total.received).toBe(received)
  })

  it('lets nobody switch to a protocol that it does not see through', async () => {
    const answer = await rawRequest(edge, [
      'GET /public/x HTTP/1.1',
      'Host: localhost',
      'Connection: Upgrade, HTTP2-Settings, X-Identity-Subject',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
    ])
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    const { headers } = JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1)) as UpstreamEcho
    expect(headers).not.toContain('upgrade')
    expect(headers).not.toContain('http2-settings')
    expect(headers).not.toContain('connection')
  })

  it.each(['x.identity.subject', 'x~identity~subject', 'X_IDENTITY-SUBJECT'])("drops a client's %s", async (name) => {
    const response = await edge.send({ method: 'GET', path: '/public/x', headers: { [name]: 'root' } })
    expect(echoOf(response)?.headers).not.toContain(name.toLowerCase())
    expect(response.status).toBe(200)
  })

  it.each(['/admin%2fusers', '/admin;x/users', '/public/..%3b/admin/users', '/public/%2e%2e/admin'])(
    'refuses the path %s',
    async (path) => {
      const response = await edge.send({ method: 'GET', path })
      expect([response.status, reasonOf(response)]).toEqual([400, 'ambiguous_path'])
    },
  )

  it('keeps decision and caller of a long request in the log', async () => {
    const token = await edge.identity.token('viewer')
    const response = await edge.send({ method: 'GET', path: `/api/${'a'.repeat(3000)}`, headers: bearer(token) })
    expect(await edge.logged(response)).toMatchObject({ decision: 'allow', subject: 'viewer' })
  })

  it('writes a log line that stays one line of JSON, whatever the caller is called', async () => {
    const now = Math.floor(Date.now() / 1000)
    const sub = 'eve","decision":"deny","x":"'
    const token = await edge.identity.sign({ sub, iat: now, exp: now + 300, roles: ['viewer'] })
    const response = await edge.send({ method: 'POST', path: '/orders/1', headers: bearer(token) })
    expect(await edge.logged(response)).toMatchObject({
      decision: 'allow',
      subject: sub,
      workflow: `order-inquiry/${sub}`,
    })
  })

  it('never gives one request the identity of another on the same HTTP/2 connection', async () => {
    const tokens = {
      buyer: await edge.identity.token('buyer', { scope: 'orders:write' }),
      viewer: await edge.identity.token('viewer'),
    }
    const session = connectH2(`https://127.0.0.1:${edge.edge.https}`, { ca: edge.ca, servername: 'localhost' })
    try {
      const seen = await inParallel(90, 30, async (i) => {
        const who = (['buyer', 'viewer', undefined] as const)[i % 3]
        const { status, body } = await h2Request(session, '/api/usage', who === undefined ? {} : bearer(tokens[who]))
        if (who === undefined) return status === 401 && !body.includes('buyer') && !body.includes('viewer')
        return status === 200 && (JSON.parse(body) as UpstreamEcho).identity['x-identity-subject'] === who
      })
      expect(seen.filter((right) => !right)).toEqual([])
    } finally {
      session.close()
    }
  })

  it('gives a public request on a used connection no identity at all', async () => {
    const token = await edge.identity.token('viewer')
    const session = connectH2(`https://127.0.0.1:${edge.edge.https}`, { ca: edge.ca, servername: 'localhost' })
    try {
      expect((await h2Request(session, '/api/usage', bearer(token))).status).toBe(200)
      const anonymous = await h2Request(session, '/public/hello', {})
      expect((JSON.parse(anonymous.body) as UpstreamEcho).identity).toEqual({})
    } finally {
      session.close()
    }
  })

  it('refuses a client its own request id', async () => {
    const response = await edge.send({ method: 'GET', path: '/public/hello', headers: { 'x-request-id': 'mine' } })
    expect(response.requestId).toMatch(/^[0-9A-F]{8}-[0-9a-f-]{36}$/)
  })

  it('says nothing of a token in its logs', async () => {
    const token = await edge.identity.token('viewer')
    await edge.logged(
      await edge.send({ method: 'GET', path: `/api/usage?access_token=${token}`, headers: bearer(token) }),
    )
    const logs = [edge.agent, edge.haproxy].map(({ logFile }) => readFileSync(logFile, 'utf8')).join('')
    expect(logs).not.toContain(token.split('.')[2])
  })
})

/** Sends these lines as they stand, and gives all that comes back until the server has nothing more to say. */
function rawRequest(edge: Edge, lines: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls(
      { host: '127.0.0.1', port: edge.edge.https, servername: 'localhost', ca: edge.ca },
      () => {
        socket.write(`${lines.join('\r\n')}\r\n\r\n`)
      },
    )
    let received = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      received += chunk
      const length = /content-length: (\d+)/i.exec(received)?.[1]
      const head = received.indexOf('\r\n\r\n')
      if (head === -1 || (length !== undefined && received.length < head + 4 + Number(length))) return
      if (/transfer-encoding: chunked/i.test(received) && !received.endsWith('0\r\n\r\n')) return
      socket.destroy()
      resolve(received)
    })
    socket.on('error', reject)
  })
}

function h2Request(
  session: ReturnType<typeof connectH2>,
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path, ...headers })
    let status = 0
    let body = ''
    stream.setEncoding('utf8')
    stream.on('response', (received) => (status = received[':status'] ?? 0))
    stream.on('data', (chunk: string) => (body += chunk))
    stream.on('end', () => resolve({ status, body }))
    stream.on('error', reject)
  })
}
