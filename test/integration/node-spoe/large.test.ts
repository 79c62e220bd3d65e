import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { message } from '../../../node-spoe/src/index.ts'
import { HAPROXY_VERSIONS } from '../../support/edge.ts'
import { type Pair, startPair } from '../../support/spoe.ts'
import { expose } from '../../support/spoe-config.ts'

/** Set as `option set-on-error` when a message does not fit into a frame. */
const TOO_BIG = '3'
const OFFERED = 16_380
const HEADERS = 'spoe-message m\nargs big=req.hdr(x-big) all=req.hdrs path=path\nevent on-frontend-http-request'

/** A header's worth of letters; HAProxy keeps `tune.maxrewrite`, 1 kB, of its 16 kB for itself. */
const letters = (length: number): string => 'abcdefghij'.repeat(length / 10 + 1).slice(0, length)

describe.each(HAPROXY_VERSIONS)('large arguments with HAProxy %s', (version) => {
  let pair: Pair
  let big: string | undefined
  beforeAll(async () => {
    pair = await startPair({
      version,
      agent: {
        messages: {
          m: message({
            args: { big: 'string' },
            handle(view, reply) {
              big = view.get('big')
              reply.setVar('txn', 'ok', true)
            },
          }),
        },
      },
      messages: 'spoe-message m\nargs big=req.hdr(x-big) path=path\nevent on-frontend-http-request',
      web: expose('txn.demo.ok', 'txn.demo.error'),
    })
  })
  afterAll(() => pair?.stop())

  it.each([239, 240, 2287, 2288, 8000, 15_000])('a header of %i bytes arrives whole', async (length) => {
    big = undefined
    const { headers } = await pair.get('/', { headers: { 'x-big': letters(length) } })
    expect(headers).toMatchObject({ 'x-txn-demo-ok': '1' })
    expect(big).toBe(letters(length))
  })
})

describe.each(HAPROXY_VERSIONS)('arguments above the frame size with HAProxy %s', (version) => {
  /** An agent with its own limit, and what it has seen of a request with a header of that length. */
  async function withPair(
    limits: { readonly options?: string; readonly global?: string; readonly maxFrameSize?: number },
    body: (ask: (length: number) => Promise<Record<string, string | undefined>>, pair: Pair) => Promise<void>,
  ): Promise<void> {
    const pair = await startPair({
      version,
      agent: {
        messages: {
          m: message({
            args: { big: 'string' },
            handle: (view, reply) => reply.setVar('txn', 'length', view.get('big')?.length ?? -1),
          }),
        },
        ...(limits.maxFrameSize !== undefined && { maxFrameSize: limits.maxFrameSize }),
      },
      messages: HEADERS,
      web: expose('txn.demo.length', 'txn.demo.error'),
      ...(limits.options !== undefined && { options: limits.options }),
      ...(limits.global !== undefined && { global: limits.global }),
    })
    try {
      await body(async (length) => (await pair.get('/', { headers: { 'x-big': letters(length) } })).headers, pair)
    } finally {
      await pair.stop()
    }
  }

  it(`are an error at once (st=${TOO_BIG}), open no connection and harm no later request`, async () => {
    await withPair({}, async (ask, pair) => {
      expect(await ask(100)).toMatchObject({ 'x-txn-demo-length': '100' })
      for (let i = 0; i < 10; i++) expect(await ask(9000)).toMatchObject({ 'x-txn-demo-error': TOO_BIG })
      expect(await ask(100)).toMatchObject({ 'x-txn-demo-length': '100' })
      // 3.0 may open one connection for each of two requests in a row.
      expect(pair.agent.counters.connectionsTotal).toBeLessThanOrEqual(2)
      expect(pair.agent.counters).toMatchObject({ notifies: 2, protocolErrors: 0 })
      expect(pair.events().map(({ status }) => status)).toEqual([0, ...Array.from({ length: 10 }, () => 3), 0])
    })
  })

  it('are those above `max-frame-size` of spoe.conf when it is lower', async () => {
    await withPair({ options: 'max-frame-size 1024' }, async (ask, pair) => {
      expect(await ask(300)).toMatchObject({ 'x-txn-demo-length': '300' })
      expect(await ask(600)).toMatchObject({ 'x-txn-demo-error': TOO_BIG })
      expect(await ask(300)).toMatchObject({ 'x-txn-demo-length': '300' })
      expect(pair.agent.counters.connectionsTotal).toBeLessThanOrEqual(2)
    })
  })

  it('fit when tune.bufsize is larger: the library agrees to up to 64 kB', async () => {
    await withPair({ global: 'tune.bufsize 60000' }, async (ask, pair) => {
      expect(await ask(20_000)).toMatchObject({ 'x-txn-demo-length': '20000' })
      expect(pair.agent.counters.protocolErrors).toBe(0)
    })
  })

  it('an agent that agrees to less than was offered costs those requests their answer, and no storm', async () => {
    await withPair({ maxFrameSize: OFFERED / 4 }, async (ask, pair) => {
      expect(await ask(1000)).toMatchObject({ 'x-txn-demo-length': '1000' })
      for (let i = 0; i < 5; i++) expect(await ask(4000)).toHaveProperty('x-txn-demo-error')
      expect(await ask(1000)).toMatchObject({ 'x-txn-demo-length': '1000' })
      expect(pair.agent.counters.connectionsTotal).toBeLessThanOrEqual(4)
    })
  })
})

describe.each(HAPROXY_VERSIONS)('request bodies with HAProxy %s', (version) => {
  let pair: Pair
  let body: Record<string, unknown> = {}
  beforeAll(async () => {
    pair = await startPair({
      version,
      agent: {
        messages: {
          m: message({
            args: { body: 'bytes', length: 'int', field: 'string', text: 'any' },
            handle: (view) =>
              void (body = Object.fromEntries(
                (['body', 'length', 'field', 'text'] as const).map((name) => [name, view.get(name)]),
              )),
          }),
        },
      },
      messages:
        'spoe-message m\nargs body=req.body length=req.body_len field=req.body_param(a) text=req.body,bytes(0,3)\nevent on-frontend-http-request',
      web: 'option http-buffer-request',
    })
  })
  afterAll(() => pair?.stop())

  async function post(content: string | Buffer): Promise<typeof body> {
    body = {}
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': content.length }
    expect((await pair.get('/', { method: 'POST', headers, body: content })).status).toBe(200)
    return body
  }

  it('arrive as bytes, and as text where HAProxy makes text of them', async () => {
    expect(await post('a=1&b=2')).toEqual({
      body: Buffer.from('a=1&b=2'),
      length: 7,
      field: '1',
      text: Buffer.from('a=1'),
    })
  })

  it('arrive unchanged whatever their bytes are', async () => {
    const content = randomBytes(7000)
    expect((await post(content))['body']).toEqual(content)
  })

  it('that are empty have no bytes', async () => {
    expect(await post('')).toMatchObject({ body: Buffer.alloc(0), length: 0, field: undefined })
  })
})
