import { createHmac, randomBytes } from 'node:crypto'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type RunningAgent, startAgent } from '../../agent/agent.ts'
import { parseConfig } from '../../agent/config/load.ts'
import { createLogger } from '../../agent/log.ts'
import { HAPROXY_VERSIONS, NO_TEMPORAL } from '../support/edge.ts'
import { newFolder, removeFolder, tempFolder } from '../support/folder.ts'
import { type Spoe, startSpoe } from '../support/spoe.ts'
import { expose } from '../support/spoe-config.ts'

const SECRET = randomBytes(24)

/** More than 64 KiB. */
const LARGE = 262_144

const AGENT = (folder: string, spop = ''): string => `
version: 1
spop: { listen: "tcp://127.0.0.1:0", deadline: 15s, drain: 0s${spop} }
temporal: { address: "${NO_TEMPORAL}" }
outbox: { path: "${join(folder, 'outbox.db')}", drain: 0s }
log: { level: error }
identity:
  providers:
    signed: { kind: webhook, scheme: hmac, secrets: "${SECRET.toString('hex')}", secretEncoding: hex, header: x-signature }
    unmeasured:
      { kind: webhook, scheme: hmac, secrets: "${SECRET.toString('hex')}", secretEncoding: hex, header: x-signature, requireLength: false }
    standard: { kind: webhook, scheme: standard, secrets: "whsec_${SECRET.toString('base64')}" }
rules:
  - { name: signed, match: { path: /hooks/signed }, identity: { require: signed } }
  - { name: sure, match: { path: /hooks/sure }, identity: { require: unmeasured } }
  - { name: trusting, match: { path: /hooks/trusting }, identity: { require: unmeasured } }
  - { name: standard, match: { path: /hooks/standard }, identity: { require: standard } }
  - { name: beside, match: { path: /beside }, identity: { require: signed } }
  - { name: open, match: { path: /open }, identity: none }
`

const ARGUMENTS = [
  'id=unique-id method=method host=req.fhdr(host) path=path query=query src=src tls=ssl_fc',
  'auth=req.fhdr(authorization) auth_count=req.fhdr_cnt(authorization)',
  ...['x-signature', 'webhook-id', 'webhook-timestamp', 'webhook-signature', 'content-length'].map((name) => {
    const argument = name.replaceAll('-', '_')
    return `h_${argument}=req.fhdr(${name}) n_${argument}=req.fhdr_cnt(${name})`
  }),
]
  .map((line) => `args ${line}`)
  .join('\n')

const MESSAGES = `
spoe-message check
${ARGUMENTS}
event on-frontend-http-request unless { path_beg /hooks/ }

spoe-group body
messages check_body

spoe-message check_body
${ARGUMENTS}
args body=req.body body_size=req.body_size
`

const WEB = `
unique-id-format %{+X}o\\ %Ts-%[uuid]
acl hook path_beg /hooks/
http-request wait-for-body time 700ms if hook
http-request return status 411 if { path /hooks/sure } !{ internal.htx.has_eom -m bool }
http-request send-spoe-group temporal body if hook
http-request deny deny_status 400 if { var(txn.temporal.status) -m int 400 }
http-request deny deny_status 401 if { var(txn.temporal.status) -m int 401 }
http-request deny deny_status 503 unless { var(txn.temporal.decision) -m str allow }
${expose('txn.temporal.reason', 'txn.temporal.rule', 'txn.temporal.subject')}
`

const sign = (body: Uint8Array): string => createHmac('sha256', SECRET).update(body).digest('hex')

interface Answer {
  readonly status: number
  readonly reason: string | undefined
}

describe.each(HAPROXY_VERSIONS)('webhooks through HAProxy %s', (version) => {
  let folder: string
  let agent: RunningAgent
  let spoe: Spoe

  beforeAll(async () => {
    folder = newFolder()
    agent = await startAgent(parseConfig('agent.yaml', AGENT(folder), {}), createLogger('error', 'agent'))
    spoe = await startSpoe({ version, name: 'temporal', agents: agent.spop, messages: MESSAGES, web: WEB })
  })
  afterAll(async () => {
    await spoe?.stop()
    await agent?.stop()
    removeFolder(folder)
  })

  async function post(path: string, body: Buffer, headers: Record<string, string> = {}): Promise<Answer> {
    const answer = await spoe.get(path, {
      method: 'POST',
      headers: { 'content-length': body.length, 'x-signature': sign(body), ...headers },
      body,
    })
    return { status: answer.status, reason: answer.headers['x-txn-temporal-reason'] }
  }

  /** Sends bytes as they are, and takes the head of the answer: HAProxy may answer before it has read them all. */
  function raw(...parts: readonly (string | Buffer)[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const socket = connect(spoe.port, '127.0.0.1')
      let text = ''
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1')
        if (!text.includes('\r\n\r\n')) return
        socket.destroy()
        resolve({ status: Number(text.split(' ')[1]), reason: /x-txn-temporal-reason: (\S+)/.exec(text)?.[1] })
      })
      socket.on('error', reject)
      socket.on('close', () => reject(new Error('the connection was closed without an answer')))
      for (const part of parts) socket.write(part)
    })
  }

  const head = (path: string, signed: Buffer, framing: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Signature: ${sign(signed)}\r\n${framing}\r\n\r\n`
  const CHUNKED = 'Transfer-Encoding: chunked'
  const chunk = (bytes: Buffer): Buffer =>
    Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])

  function http2(path: string, body: Buffer, headers: Record<string, string>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const session = connectHttp2(`http://127.0.0.1:${spoe.port}`)
      const stream = session.request({ ':method': 'POST', ':path': path, 'x-signature': sign(body), ...headers })
      session.on('error', reject)
      stream.on('error', reject)
      stream.on('response', (answer) => {
        resolve({ status: Number(answer[':status']), reason: answer['x-txn-temporal-reason'] as string | undefined })
        stream.close()
        session.destroy()
      })
      // In pieces, so that they come in several DATA frames.
      for (let at = 0; at < body.length; at += 5000) stream.write(body.subarray(at, at + 5000))
      stream.end()
    })
  }

  const TRUNCATED = { status: 400, reason: 'body_truncated' }
  const BODIES = [
    ['empty', Buffer.alloc(0)],
    ['one zero byte', Buffer.alloc(1)],
    ['every byte', Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
    ['14 000 random bytes', randomBytes(14_000)],
    ['line ends and chunk heads', Buffer.from('0\r\n\r\n5\r\nhello\r\n\r\n\0\xff', 'latin1')],
  ] as const

  it.each(BODIES)('arrive byte for byte: %s', async (_what, body) => {
    expect(await post('/hooks/signed', body)).toMatchObject({ status: 200 })
    expect(await http2('/hooks/signed', body, { 'content-length': String(body.length) })).toMatchObject({ status: 200 })
    expect(
      await post('/hooks/signed', body, { 'x-signature': sign(Buffer.concat([body, body, Buffer.alloc(1)])) }),
    ).toEqual({
      status: 401,
      reason: 'signature_invalid',
    })
  })

  it.each(BODIES)('in chunks are whole too, but only HAProxy can tell that they are: %s', async (_what, body) => {
    const chunks =
      body.length === 0 ? [] : [chunk(body.subarray(0, 1)), ...(body.length > 1 ? [chunk(body.subarray(1))] : [])]
    const end = '0\r\n\r\n'
    expect(await raw(head('/hooks/signed', body, CHUNKED), ...chunks, end)).toEqual(TRUNCATED)
    expect(await raw(head('/hooks/sure', body, CHUNKED), ...chunks, end)).toMatchObject({ status: 200 })
    expect(await http2('/hooks/signed', body, {})).toEqual(TRUNCATED)
    expect(await http2('/hooks/sure', body, {})).toMatchObject({ status: 200 })
  })

  it('S6: over the buffer are refused, however they are sent', async () => {
    const body = randomBytes(20_000)
    expect(await post('/hooks/signed', body)).toEqual(TRUNCATED)
    expect(await post('/hooks/trusting', body)).toEqual(TRUNCATED)
    expect((await post('/hooks/sure', body)).status).toBe(411)
    for (const path of ['/hooks/signed', '/hooks/trusting']) {
      expect(await raw(head(path, body, CHUNKED), chunk(body), '0\r\n\r\n')).toEqual(TRUNCATED)
      expect(await http2(path, body, { 'content-length': '20000' })).toEqual(TRUNCATED)
    }
  })

  it('whose signed part just fills the buffer, with more to come in chunks, get through nowhere that they should not', async () => {
    const sizes = Array.from({ length: 40 }, (_, i) => 15_040 + 4 * i)
    // What comes behind the signed part is held back: HAProxy does not wait for it when its buffer is full.
    const answers = await Promise.all(
      sizes.flatMap((size) => {
        const signed = Buffer.alloc(size, 'x')
        return ['trusting', 'signed', 'sure'].map(async (name) => ({
          name,
          size,
          ...(await raw(head(`/hooks/${name}`, signed, CHUNKED), chunk(signed))),
        }))
      }),
    )
    const statuses = (name: string): number[] => answers.filter((one) => one.name === name).map(({ status }) => status)
    expect(statuses('signed').filter((status) => status !== 400 && status !== 408)).toEqual([])
    expect(statuses('sure').filter((status) => status !== 411 && status !== 408)).toEqual([])
    // The attack is real: without a length, and without asking HAProxy, what is behind the signed part goes unseen.
    expect(statuses('trusting')).toContain(200)
  })

  it('that do not come are given up by HAProxy', async () => {
    const body = Buffer.from('hello')
    expect((await raw(head('/hooks/signed', body, 'Content-Length: 5'), 'hel')).status).toBe(408)
    expect((await raw(head('/hooks/trusting', body, CHUNKED), chunk(body))).status).toBe(408)
  })

  it('S9: need a signature, and a path to which the body is sent', async () => {
    const body = Buffer.from('hello')
    expect(await post('/hooks/signed', body, { 'x-signature': '' })).toEqual({ status: 401, reason: 'no_credentials' })
    // The message without a body does not carry the headers of signatures either.
    expect(await post('/beside', body)).toEqual({ status: 401, reason: 'no_credentials' })
    expect((await post('/open', body)).status).toBe(200)
  })

  it('S4: of Standard Webhooks are accepted once; the same signature again is a replay', async () => {
    const body = randomBytes(500)
    const id = `msg_${randomBytes(8).toString('hex')}`
    const time = String(Math.floor(Date.now() / 1000))
    const mac = createHmac('sha256', SECRET).update(`${id}.${time}.`).update(body).digest('base64')
    const headers = { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': `v1,${mac}` }
    expect(await post('/hooks/standard', body, headers)).toMatchObject({ status: 200 })
    expect(await post('/hooks/standard', body, headers)).toEqual({ status: 401, reason: 'replayed' })
  })

  it('that are allowed name their provider as the subject', async () => {
    const body = Buffer.from('x')
    const { headers } = await spoe.get('/hooks/signed', {
      method: 'POST',
      headers: { 'content-length': 1, 'x-signature': sign(body) },
      body,
    })
    expect(headers).toMatchObject({ 'x-txn-temporal-subject': 'signed', 'x-txn-temporal-rule': 'signed' })
  })
})

describe.each(HAPROXY_VERSIONS)('large webhooks through HAProxy %s', (version) => {
  it('arrive byte for byte where buffer and frames are raised, up to the buffer', async () => {
    const config = parseConfig('agent.yaml', AGENT(tempFolder(), `, maxFrameSize: ${LARGE}`), {})
    const agent = await startAgent(config, createLogger('error', 'agent'))
    onTestFinished(() => agent.stop())
    const global = `tune.bufsize ${LARGE}`
    const spoe = await startSpoe({
      version,
      name: 'temporal',
      agents: agent.spop,
      messages: MESSAGES,
      web: WEB,
      global,
    })
    onTestFinished(() => spoe.stop())
    const post = async (body: Buffer, signature = sign(body)) => {
      const headers = { 'content-length': body.length, 'x-signature': signature }
      const answer = await spoe.get('/hooks/signed', { method: 'POST', headers, body })
      return [answer.status, answer.headers['x-txn-temporal-reason']]
    }
    for (const size of [60_000, 70_000, 200_000, 260_000]) {
      expect([size, ...(await post(randomBytes(size)))]).toEqual([size, 200, 'ok'])
    }
    const altered = randomBytes(200_000)
    expect(await post(altered, sign(Buffer.concat([altered, Buffer.alloc(1)])))).toEqual([401, 'signature_invalid'])
    expect(await post(randomBytes(LARGE))).toEqual([400, 'body_truncated'])
  })
})
