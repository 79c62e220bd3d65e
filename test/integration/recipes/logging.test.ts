import { readFileSync } from 'node:fs'
import { connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitUntil } from '../../../agent/dev/process.ts'
import { bearer, HAPROXY_VERSIONS } from '../../support/edge.ts'
import { type Recipe, startRecipe } from '../../support/recipes.ts'

/** Finished lines of HAProxy's log that hold a text. */
function linesOf(edge: Recipe, text: string): string[] {
  return readFileSync(edge.haproxy.logFile, 'utf8')
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.includes(text))
}

async function lineOf(edge: Recipe, text: string): Promise<string> {
  await waitUntil('HAProxy to log it', async () => linesOf(edge, text).length > 0)
  return linesOf(edge, text)[0] ?? ''
}

const soon = (): { iat: number; exp: number } => {
  const iat = Math.floor(Date.now() / 1000)
  return { iat, exp: iat + 600 }
}

describe.each(HAPROXY_VERSIONS)('the recipe of logging on HAProxy %s', (version) => {
  let edge: Recipe

  beforeAll(async () => {
    edge = await startRecipe(version, 'logging')
  })
  afterAll(async () => edge?.stop())

  it('tells who, what, where and which workflow', async () => {
    const token = await edge.identity.token('buyer')
    const response = await edge.send({ method: 'POST', path: '/orders/1?secret=x', headers: bearer(token) })
    expect(response.status).toBe(200)
    const line = await lineOf(edge, response.requestId)
    expect(line).not.toContain('secret')
    const record = JSON.parse(line) as Record<string, unknown>
    expect(record).toMatchObject({
      request: response.requestId,
      method: 'POST',
      path: '/orders/1',
      status: 200,
      backend: 'orders',
      server: 'orders1',
      decision: 'allow',
      refused: '-',
      reason: 'ok',
      rule: 'create-order',
      route: 'orders',
      location: '-',
      provider: 'corp',
      issuer: edge.identity.issuer,
      subject: 'buyer',
      tenant: 'acme',
      roles: 'buyer',
      left: '99',
      retry_after: '-',
      event: `create-order/${response.requestId}`,
      workflow: `create-order/${response.requestId}`,
      spoe_lost: '-',
      spoe_error: '-',
    })
    expect(record['at']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    const metered = await edge.send({ method: 'GET', path: '/api/1', headers: bearer(token) })
    expect(JSON.parse(await lineOf(edge, metered.requestId))).toMatchObject({
      event: `api/${metered.requestId}`,
      workflow: 'api/acme',
    })
  })

  it('is one JSON object whatever the client sends', async () => {
    const token = await edge.identity.sign({ sub: 'o"br\\ien, "x":{', tenant: 'ä', ...soon() })
    const ugly = 'GET /api/"a\\b HTTP/1.1'
    const socket = connect({ port: edge.edge.https, host: '127.0.0.1', ca: edge.ca, servername: 'localhost' })
    let answer = ''
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')))
    socket.write(
      Buffer.from(
        `${ugly}\r\nHost: a\r\nUser-Agent: "},{"é\xff\\\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
        'latin1',
      ),
    )
    await new Promise((resolve) => socket.on('close', resolve))
    const [, id = ''] = /x-request-id: (\S+)/.exec(answer) ?? []
    expect(id).not.toBe('')
    const record = JSON.parse(await lineOf(edge, id)) as Record<string, string>
    expect(record['path']).toBe('/api/"a\\b')
    expect(record['agent']).toMatch(/^"},\{"/)
    const plain = await edge.send({ method: 'GET', path: '/api/1', headers: bearer(token) })
    expect(JSON.parse(await lineOf(edge, plain.requestId))).toMatchObject({ subject: 'o"br\\ien, "x":{', tenant: 'ä' })
  })

  it('tells of a refusal why', async () => {
    const response = await edge.send({ method: 'GET', path: '/api/1' })
    expect(JSON.parse(await lineOf(edge, response.requestId))).toMatchObject({
      status: 401,
      decision: 'deny',
      refused: '401',
      reason: 'no_credentials',
      rule: 'api',
      subject: '-',
      event: '-',
    })
  })
})

describe.each(HAPROXY_VERSIONS)('the recipe of logging beside httplog on HAProxy %s', (version) => {
  let edge: Recipe

  beforeAll(async () => {
    edge = await startRecipe(version, 'logging', { variant: 'httplog' })
  })
  afterAll(async () => edge?.stop())

  it('is the classic line with variables at its end', async () => {
    const token = await edge.identity.sign({ sub: 'o"brien', tenant: 'acme', ...soon() })
    const response = await edge.send({ method: 'GET', path: '/api/1', headers: bearer(token) })
    const id = response.requestId
    const line = await lineOf(edge, id)
    expect(line).toMatch(
      /^127\.0\.0\.1:\d+ \[[^\]]+\] edge~ app\/app1 [\d/+-]+ 200 \d+ - - ---- [\d/]+ \d+\/\d+ (?:\{\} )?"GET \/api\/1 HTTP\/1\.1" request=/,
    )
    expect(line).toMatch(
      new RegExp(` request=${id} decision=allow reason=ok rule=api subject="o\\\\"brien" event="api.{2}${id}"$`),
    )
  })
})
