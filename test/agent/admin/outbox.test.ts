import { request as httpRequest } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { answerOutbox, type OutboxCallOptions } from '../../../agent/admin/outbox.ts'
import { SecretSource } from '../../../agent/secrets/secret-file.ts'
import { serveHttp } from '../../support/local-server.ts'
import { command, recordedLog } from '../dispatch/support/commands.ts'
import { harness, type Harness } from '../dispatch/store/harness.ts'
import { memoryLog } from '../identity/support/provider.ts'

const TOKEN = 'canary-admin-token-77aa'

interface Reply {
  readonly status: number
  readonly allow: string | undefined
  readonly body: Record<string, unknown>
}

/** The calls behind a server of their own, to an outbox on disk. */
async function start(over: Partial<OutboxCallOptions> = {}) {
  const store = harness()
  const log = recordedLog()
  const call: OutboxCallOptions = {
    ask: async (request) => store.operate(request),
    rules: () => ['orders', 'usage', 'audit'],
    token: undefined,
    isLocal: true,
    log,
    now: Date.now,
    ...over,
  }
  const port = await serveHttp((request, response) => void answerOutbox(request, response, call))
  const send = (method: string, path: string, body = '', headers: Record<string, string> = {}): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const sent = httpRequest({ port, host: '127.0.0.1', method, path, headers })
      sent.on('error', reject)
      sent.on('response', (response) => {
        const { statusCode = 0, headers: told } = response
        // There is none to HEAD.
        const bodyOf = (text: string) => JSON.parse(text || '{}') as Record<string, unknown>
        response
          .toArray()
          .then((chunks) => resolve({ status: statusCode, allow: told.allow, body: bodyOf(chunks.join('')) }), reject)
      })
      sent.end(method === 'POST' ? body : '')
    })
  const get = (path: string, headers: Record<string, string> = {}): Promise<Reply> => send('GET', path, '', headers)
  const post = (path: string, body: object | string, headers: Record<string, string> = {}): Promise<Reply> =>
    send('POST', path, typeof body === 'string' ? body : JSON.stringify(body), {
      'content-type': 'application/json',
      ...headers,
    })
  return { store, log, send, get, post }
}

const durable = (n: number, over = {}) => command(n, { delivery: 'durable', ...over })

function bury({ engine, parcels }: Harness): void {
  const letters = parcels.map((parcel) => ({ parcel, reason: 'NO: not this', attempts: 2 }))
  engine.fromShip({ type: 'dead', letters })
  parcels.length = 0
}

describe('the outbox on the admin server', () => {
  it('tells what there is, lists rows page by page, and shows one with its body', async () => {
    const { store, get } = await start()
    store.take(durable(1, { at: 1000 }), durable(2, { at: 2000 }), durable(3, { at: 3000, rule: 'audit' }))
    expect(await get('/outbox')).toMatchObject({
      status: 200,
      body: { status: { path: store.path, events: { pending: 3, dead: 0, delivered: 0 }, oldestAt: 1000 } },
    })
    const first = await get('/outbox/rows?table=pending&limit=2')
    expect(first).toMatchObject({ status: 200, body: { more: true, rows: [{ seq: 1 }, { seq: 2, at: 2000 }] } })
    expect(JSON.stringify(first.body)).not.toContain('gold')
    expect(await get('/outbox/rows?table=pending&limit=2&after=2')).toMatchObject({
      body: { more: false, rows: [{ rule: 'audit' }] },
    })
    expect(await get('/outbox/rows')).toMatchObject({ body: { rows: [], more: false } })
    expect(await get(`/outbox/event?id=${encodeURIComponent(durable(1).id)}`)).toMatchObject({
      status: 200,
      body: { row: { table: 'pending' }, action: { kind: 'start' }, body: { vars: { plan: 'gold' } } },
    })
  })

  it('redrives, purges, pauses and resumes, and the log tells who asked for what', async () => {
    const { store, log, post } = await start()
    store.take(durable(1), durable(2, { rule: 'audit' }))
    bury(store)
    expect(await post('/outbox/redrive', { rule: 'orders' })).toMatchObject({ status: 200, body: { changed: 1 } })
    expect(await post('/outbox/purge', { table: 'dead' })).toMatchObject({ status: 200, body: { changed: 1 } })
    expect(await post('/outbox/pause', { rule: 'orders' })).toMatchObject({ status: 200, body: { changed: 1 } })
    expect(await post('/outbox/pause', { rule: 'orders' })).toMatchObject({ status: 200, body: { changed: 0 } })
    expect(await post('/outbox/resume', { rule: 'orders' })).toMatchObject({ status: 200, body: { changed: 1 } })
    expect(await post('/outbox/replay', { from: '1h' })).toMatchObject({ status: 200, body: { changed: 0 } })
    expect(log.lines.map(({ message }) => message)).toEqual([
      'outbox: redrive by the admin server',
      'outbox: purge by the admin server',
      'outbox: pause by the admin server',
      'outbox: pause by the admin server',
      'outbox: resume by the admin server',
      'outbox: replay by the admin server',
    ])
    expect(log.lines[0]?.fields).toEqual({ call: 'redrive', rule: 'orders', changed: 1 })
    expect(log.lines[1]?.fields).toEqual({ call: 'purge', table: 'dead', changed: 1 })
  })

  it('tells of events that cannot be read', async () => {
    const { store, log, post } = await start()
    store.take(durable(1), durable(2))
    bury(store)
    await store.operate({ call: 'status' })
    const db = new DatabaseSync(store.path)
    db.exec(`UPDATE dead_letters SET body = x'00' WHERE id = '${durable(1).id}'`)
    db.close()
    expect(await post('/outbox/redrive', {})).toMatchObject({
      status: 200,
      body: { changed: 1, unreadable: { events: 1, why: expect.any(String) as string } },
    })
    expect(log.lines[0]?.fields).toEqual({ call: 'redrive', changed: 1, unreadable: 1 })
  })

  it('pauses no rule that is none, but one that is gone and has events left', async () => {
    const { store, post } = await start({ rules: () => ['orders'] })
    expect(await post('/outbox/pause', { rule: 'ordres' })).toMatchObject({
      status: 404,
      body: { error: 'unknown_rule', hint: 'Did you mean "orders"?' },
    })
    expect(await post('/outbox/pause', { rule: 'audit' })).toMatchObject({ status: 404 })
    store.take(durable(1, { rule: 'audit' }))
    expect(await post('/outbox/pause', { rule: 'audit' })).toMatchObject({ status: 200 })
  })

  it.each([
    ['GET', '/outbox/rows?limit=many', '', 400, 'invalid_call'],
    ['GET', '/outbox/rows?rule=a&rule=b', '', 400, 'invalid_call'],
    ['GET', '/outbox/event', '', 400, 'invalid_call'],
    ['GET', '/outbox/event?id=nowhere', '', 404, 'no_event'],
    ['GET', '/outbox/else', '', 404, 'not_found'],
    ['POST', '/outbox', '{}', 405, 'method_not_allowed'],
    ['HEAD', '/outbox/rows', '', 405, undefined],
    ['GET', '/outbox/redrive', '', 405, 'method_not_allowed'],
    ['POST', '/outbox/purge', '{}', 400, 'invalid_call'],
    ['POST', '/outbox/purge', '[]', 400, 'not_json'],
    ['POST', '/outbox/purge', '{"table":"dead","table":"pending"}', 400, 'not_json'],
    ['POST', '/outbox/redrive', `{"rule":"${'x'.repeat(40_000)}"}`, 413, 'too_large'],
  ])('%s %s with %.20s is answered %i', async (method, path, body, status, error) => {
    const { send } = await start()
    const reply = await send(method, path, body, { 'content-type': 'application/json' })
    expect([reply.status, reply.body['error']]).toEqual([status, error])
  })

  it('says which methods there are', async () => {
    const { send } = await start()
    expect((await send('PUT', '/outbox/rows')).allow).toBe('GET')
    expect((await send('GET', '/outbox/purge')).allow).toBe('POST')
  })

  it('says so when the outbox cannot be used', async () => {
    const { get } = await start({ ask: async () => ({ ok: false, error: 'the outbox is not open' }) })
    expect(await get('/outbox')).toMatchObject({ status: 503, body: { message: 'the outbox is not open' } })
    const broken = await start({ ask: () => Promise.reject(new Error(TOKEN)) })
    const reply = await broken.get('/outbox')
    expect(reply).toMatchObject({ status: 500, body: { error: 'internal_error' } })
    expect(JSON.stringify([reply, broken.log.lines])).not.toContain(TOKEN)
  })

  describe.each([
    ['GET', '/outbox'],
    ['GET', '/outbox/rows'],
    ['GET', '/outbox/event?id=x'],
    ['POST', '/outbox/redrive'],
    ['POST', '/outbox/pause'],
  ])('%s %s', (method, path) => {
    const json = { 'content-type': 'application/json' }

    it('is for whoever has the token', async () => {
      const token = new SecretSource({ value: TOKEN }, memoryLog())
      const { send } = await start({ token, isLocal: false })
      for (const headers of [{}, { authorization: 'Bearer wrong-token-wrong-token' }]) {
        expect(await send(method, path, '{}', { ...json, ...headers })).toMatchObject({
          status: 401,
          body: { error: 'token_wrong' },
        })
      }
      const { status } = await send(method, path, '{}', { ...json, authorization: `Bearer ${TOKEN}` })
      expect(status).not.toBe(401)
    })

    it('is for this machine alone without one, and for no page in a browser of it', async () => {
      expect(await (await start({ isLocal: false })).send(method, path, '{}', json)).toMatchObject({
        status: 403,
        body: { error: 'token_needed' },
      })
      const { send } = await start()
      for (const headers of [{ origin: 'https://evil.example' }, { host: 'evil.example' }]) {
        expect(await send(method, path, '{}', { ...json, ...headers })).toMatchObject({
          status: 403,
          body: { error: 'not_local' },
        })
      }
    })
  })
})
