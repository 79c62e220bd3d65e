import { writeFileSync } from 'node:fs'
import { connect as connectH2 } from 'node:http2'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findInLog } from '../../agent/dev/haproxy-log.ts'
import { type Edge, HAPROXY_VERSIONS, NO_TEMPORAL, outcomeOf, startEdge } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'

const CONFIG = `version: 1
spop: { listen: "tcp://127.0.0.1:\${SPOP_PORT}", deadline: "\${SPOP_DEADLINE}" }
admin: { listen: "tcp://127.0.0.1:\${ADMIN_PORT}" }
temporal: { address: "\${TEMPORAL_ADDRESS}" }
outbox: { path: "\${OUTBOX_PATH}" }
rules:
  - { name: closed, match: { path: ["/a%7Cb/**", "/caf%C3%A9/**"] }, deny: 404 }
  - name: items
    match: { path: "/items/{id}" }
    identity: none
    limit: { key: captures.id, rate: 2/1h }
  - { name: rest, identity: none, route: app }
`

/** The bytes of U+00E9 in UTF-8, a character for each. */
const BYTES = '\xc3\xa9'

const DENIED = [404, 'policy_denied']
const SERVED = [200, 'ok']
const LIMITED = [429, 'rate_limited']
/** By the server behind: a server of Node takes no such bytes, others do. */
const REFUSED_BEHIND = [400, undefined]

describe.each(HAPROXY_VERSIONS)('a path in several spellings through HAProxy %s', (version) => {
  const folder = newFolder()
  let edge: Edge
  beforeAll(async () => {
    const config = join(folder, 'agent.yaml')
    writeFileSync(config, CONFIG)
    edge = await startEdge(version, { config, temporalAddress: NO_TEMPORAL, worker: false })
  })
  afterAll(async () => {
    await edge?.stop()
    removeFolder(folder)
  })

  type Outcome = [status: number, reason: string | undefined]

  const overH1 = (path: string): Promise<Outcome> => outcomeOf(edge.send({ method: 'GET', path }))

  /** Node writes a path byte by byte, as latin1 has them. */
  function answerOverH2(path: string): Promise<{ outcome: Outcome; requestId: string }> {
    return new Promise((resolve, reject) => {
      const session = connectH2(`https://localhost:${edge.edge.https}`, { ca: edge.ca })
      session.on('error', reject)
      const stream = session.request({ ':path': path })
      let status = 0
      let requestId = ''
      let body = ''
      stream.setEncoding('latin1')
      stream.on('response', (headers) => {
        status = Number(headers[':status'])
        requestId = String(headers['x-request-id'])
      })
      stream.on('data', (chunk: string) => (body += chunk))
      stream.on('close', () => session.close())
      stream.on('error', reject)
      stream.on('end', () => {
        const reason = status === 200 ? 'ok' : /"reason":"([a-z_]+)"/.exec(body)?.[1]
        resolve({ outcome: [status, reason], requestId })
      })
    })
  }

  const overH2 = async (path: string): Promise<Outcome> => (await answerOverH2(path)).outcome

  it.each(['/a%7Cb/x', '/a%7cb/x', '/a|b/x', '/%61|b/x', '//a|b/x', '/caf%C3%A9/x', '/caf%c3%a9/x'])(
    'is refused over HTTP/1.1 and HTTP/2 alike: %s',
    async (path) => {
      expect(await overH1(path)).toEqual(DENIED)
      expect(await overH2(path)).toEqual(DENIED)
    },
  )

  it.each([`/caf${BYTES}/x`, `/caf%C3\xa9/x`, `/caf\xc3%a9/x`])(
    'is refused in plain bytes, which HTTP/2 carries: %s',
    async (path) => {
      expect(await overH2(path)).toEqual(DENIED)
    },
  )

  it('passes HAProxy in each of them where nothing is closed, so it was the rule that refused', async () => {
    expect(await overH1('/open/a|b/x')).toEqual(SERVED)
    expect(await overH2('/open/a|b/x')).toEqual(SERVED)
    const { outcome, requestId } = await answerOverH2(`/open/caf${BYTES}/x`)
    expect(outcome).toEqual(REFUSED_BEHIND)
    expect(await findInLog(edge.haproxy.logFile, requestId)).toMatchObject({ decision: 'allow', rule: 'rest' })
  })

  it('in plain bytes is refused by HAProxy itself over HTTP/1.1', async () => {
    expect(await overH1(`/open/caf${BYTES}/x`)).toEqual([400, undefined])
  })

  it('with a plain "#" is refused by HAProxy itself', async () => {
    expect(await overH1('/open#/a')).toEqual([400, undefined])
    await expect(overH2('/open#/a')).rejects.toThrow('NGHTTP2_PROTOCOL_ERROR')
  })

  it('has one account at a limit', async () => {
    expect(await overH1('/items/a|b')).toEqual(SERVED)
    expect(await overH1('/items/a%7Cb')).toEqual(SERVED)
    for (const path of ['/items/a|b', '/items/a%7Cb', '/items/a%7cb', '/items/%61|b']) {
      expect(await overH1(path)).toEqual(LIMITED)
      expect(await overH2(path)).toEqual(LIMITED)
    }
    expect(await overH1('/items/other')).toEqual(SERVED)
  })

  it('has one account at a limit in plain bytes, too', async () => {
    expect(await overH2(`/items/${BYTES}`)).toEqual(REFUSED_BEHIND)
    expect(await overH1('/items/%C3%A9')).toEqual(SERVED)
    for (const path of [`/items/${BYTES}`, '/items/%C3%A9', `/items/%c3\xa9`])
      expect(await overH2(path)).toEqual(LIMITED)
  })
})
