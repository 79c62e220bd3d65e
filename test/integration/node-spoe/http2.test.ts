import { type ClientHttp2Session, connect } from 'node:http2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { message } from '../../../node-spoe/src/index.ts'
import { HAPROXY_VERSIONS } from '../../support/edge.ts'
import { type Pair, startPair } from '../../support/spoe.ts'
import { expose } from '../../support/spoe-config.ts'

const STREAMS = 60

describe.each(HAPROXY_VERSIONS)('concurrent streams of one HTTP/2 connection with HAProxy %s', (version) => {
  let pair: Pair
  let client: ClientHttp2Session
  /** Handlers that have been called and wait for their turn. */
  let waiting: { readonly path: string; readonly go: () => void }[] = []
  let order: (paths: string[]) => string[] = (paths) => paths

  beforeAll(async () => {
    pair = await startPair({
      version,
      // Several connections of the agent, so that streams of one client come over different ones.
      threads: 2,
      agent: {
        messages: {
          sync: message({
            args: { path: 'string' },
            handle: (view, reply) => reply.setVar('txn', 'sync', view.get('path') ?? ''),
          }),
          async: message({
            args: { path: 'string' },
            async handle(view, reply) {
              const path = view.get('path') ?? ''
              if (path === '/session') reply.setVar('sess', 'leak', 'alice')
              if (!path.startsWith('/wait')) return
              await new Promise<void>((go) => {
                waiting.push({ path, go })
                if (waiting.length === STREAMS) releaseAll()
              })
              reply.setVar('txn', 'async', path)
            },
          }),
        },
      },
      messages: ['sync', 'async']
        .map((name) => `spoe-message ${name}\nargs path=path\nevent on-frontend-http-request`)
        .join('\n'),
      web: expose('txn.demo.sync', 'txn.demo.async', 'sess.demo.leak', 'txn.demo.error'),
    })
    client = connect(`http://127.0.0.1:${pair.port}`)
  })
  afterAll(async () => {
    client?.destroy()
    await pair?.stop()
  })

  function releaseAll(): void {
    const all = new Map(waiting.map(({ path, go }) => [path, go]))
    waiting = []
    for (const path of order([...all.keys()])) all.get(path)?.()
  }

  function get(path: string): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      const stream = client.request({ ':path': path })
      let headers: Record<string, unknown> = {}
      stream.once('response', (received) => (headers = received))
      stream.once('error', reject)
      stream.once('end', () => resolve(headers))
      stream.resume()
    })
  }

  const getAll = (): Promise<Record<string, unknown>[]> =>
    Promise.all(Array.from({ length: STREAMS }, (_, i) => get(`/wait/${i}`)))

  it.each([
    ['in the order they came', (paths: string[]) => paths],
    ['last first', (paths: string[]) => paths.toReversed()],
    ['in any order', (paths: string[]) => paths.toSorted((a, b) => a.localeCompare(b))],
  ])('get their own answers when handlers finish %s', async (_, chosen) => {
    order = chosen
    const answers = await getAll()
    const expected = Array.from({ length: STREAMS }, (__, i) => ({
      ':status': 200,
      'x-txn-demo-sync': `/wait/${i}`,
      'x-txn-demo-async': `/wait/${i}`,
    }))
    expect(answers).toMatchObject(expected)
    expect(pair.agent.counters.inFlight).toBe(0)
  })

  it('do not see each other\'s variables of the scope "txn", but those of "sess"', async () => {
    expect(await get('/before')).not.toHaveProperty('x-sess-demo-leak')
    await get('/session')
    const after = await get('/after')
    expect(after).toMatchObject({ 'x-txn-demo-sync': '/after', 'x-sess-demo-leak': 'alice' })
    expect(after).not.toHaveProperty('x-txn-demo-async')
  })

  it('were all answered without an error', () => {
    expect(pair.events().filter(({ status }) => status !== 0)).toEqual([])
    expect(pair.errors).toEqual([])
  })
})
