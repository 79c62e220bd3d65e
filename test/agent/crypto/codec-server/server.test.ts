import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { UnprotectedError } from '../../../../agent/crypto/codec-server/server.ts'
import { PayloadCipher } from '../../../../agent/crypto/payload-cipher.ts'
import { Secret } from '../../../../agent/secrets/secret.ts'
import { SecretSource } from '../../../../agent/secrets/secret-file.ts'
import { tempFolder } from '../../../support/folder.ts'
import { keptLog } from '../../secrets/support.ts'
import { ringOf } from '../support/keys.ts'
import { type Call, startTestServer } from './support.ts'

const PLAIN = { metadata: { encoding: 'anNvbi9wbGFpbg==' }, data: Buffer.from('"canary-77"').toString('base64') }
const UI = 'http://localhost:8233'
const TOKEN = 'canary-codec-token-1'

const list = (...payloads: readonly unknown[]): string => JSON.stringify({ payloads })
const payloadsOf = (text: string) => (JSON.parse(text) as { payloads: (typeof PLAIN)[] }).payloads

describe('the codec server', () => {
  it('encrypts and decrypts lists, under any path that ends so', async () => {
    const { call } = await startTestServer()
    const encoded = await call({ path: '/encode', body: list(PLAIN, PLAIN) })
    expect(encoded.status).toBe(200)
    expect(encoded.text).not.toContain(PLAIN.data)
    for (const path of ['/decode', '/default/decode', '/a/b/decode?preserveStorageRefs=true']) {
      const decoded = await call({ path, body: encoded.text })
      expect([decoded.status, payloadsOf(decoded.text)]).toEqual([200, [PLAIN, PLAIN]])
      expect(decoded.headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' })
    }
  })

  it('leaves what is plain, and what it cannot decrypt, as it is', async () => {
    const { call, log } = await startTestServer()
    const [sealed] = payloadsOf((await call({ path: '/encode', body: list(PLAIN) })).text)
    const stranger = new PayloadCipher({ current: ringOf('z') }).encode({ data: Buffer.from('x') })
    const base64 = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString('base64')
    const metadata = Object.fromEntries(Object.entries(stranger.metadata ?? {}).map(([k, v]) => [k, base64(v)]))
    const unknown = { metadata, data: base64(stranger.data) }
    const changed = { ...unknown, metadata: sealed?.metadata }
    const given = [PLAIN, unknown, sealed, changed]
    const { status, text } = await call({ body: list(...given), headers: { 'x-namespace': 'shop' } })
    expect([status, payloadsOf(text)]).toEqual([200, [PLAIN, unknown, PLAIN, changed]])
    const told = log.lines.filter((line) => line.startsWith('warn'))
    expect(told).toHaveLength(2)
    expect(told.join()).toContain('(key z)')
    expect(log.lines.at(-1)).toBe('info decrypted {"namespace":"shop","payloads":1}')
  })

  it('says nothing of payloads in its log', async () => {
    const { call, log } = await startTestServer()
    const { text } = await call({ path: '/encode', body: list(PLAIN) })
    await call({ body: text })
    await call({ body: `${text}x` })
    expect(log.lines).toHaveLength(2)
    expect(log.lines.join()).not.toContain('canary')
    expect(log.lines.join()).not.toContain(PLAIN.data)
  })

  it('says when there are no keys', async () => {
    const cipher = new PayloadCipher({ current: undefined })
    const keys = { encode: cipher.encode.bind(cipher), decode: async () => ({}) }
    const { call } = await startTestServer({ keys })
    const { status, text } = await call({ path: '/encode', body: list(PLAIN) })
    expect([status, JSON.parse(text)]).toMatchObject([503, { error: 'keys_unavailable' }])
  })
})

describe('a bad call', () => {
  it.each<[number, Call]>([
    [404, { path: '/' }],
    [404, { path: '/decoder' }],
    [404, { path: '/decode/' }],
    [405, { method: 'GET', body: '' }],
    [405, { method: 'PUT' }],
    [415, { headers: { 'content-type': 'text/plain' } }],
    [415, { headers: { 'content-type': 'application/jsonp' } }],
    [400, { body: '' }],
    [400, { body: '{"payloads":7}' }],
    [400, { body: Buffer.of(0xff, 0) }],
    [413, { body: `{"payloads":[${'{},'.repeat(100_000)}{}]}` }],
    [413, { headers: { 'content-length': '9000000' }, body: '' }],
  ])('is answered with %i', async (status, call) => {
    const server = await startTestServer()
    expect((await server.call(call)).status).toBe(status)
    // And the next one as ever.
    expect((await server.call({ body: list(PLAIN) })).status).toBe(200)
  })

  it('that breaks off leaves the server as it was', async () => {
    const { call, url, log } = await startTestServer()
    const head =
      'POST /decode HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"pay'
    for (const text of [
      head,
      'nonsense\r\n\r\n',
      'POST /decode HTTP/1.1\r\nhost: localhost\r\ncontent-length: x\r\n\r\n',
    ]) {
      await new Promise<void>((resolve) => {
        const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.end(text))
        socket.on('error', () => undefined).on('close', () => resolve())
        socket.resume()
      })
    }
    expect((await call({ body: list(PLAIN) })).status).toBe(200)
    expect(log.lines.filter((line) => line.startsWith('error'))).toEqual([])
  })
})

describe('who may call', () => {
  it('is this machine alone without a token, and no page that was not named', async () => {
    const { call } = await startTestServer({ origins: [UI] })
    expect((await call({ headers: { host: 'localhost' } })).status).toBe(200)
    expect((await call({ headers: { host: 'evil.example' } })).status).toBe(403)
    expect((await call({ headers: { origin: 'https://evil.example' } })).status).toBe(403)
    expect((await call({ headers: { origin: 'null' } })).status).toBe(403)
    expect((await call({ headers: { origin: UI } })).status).toBe(200)
  })

  it('is whoever shows the token, where there is one', async () => {
    const file = join(tempFolder(), 'token')
    writeFileSync(file, `${TOKEN}\n`)
    const token = new SecretSource({ file }, keptLog())
    await token.start()
    onTestFinished(() => token.close())
    const { call, log } = await startTestServer({ token })
    const shown = async (authorization: string) =>
      (await call({ headers: { authorization, host: 'codec.example' } })).status
    expect(await shown(`Bearer ${TOKEN}`)).toBe(200)
    expect(await shown(`bearer ${TOKEN}`)).toBe(200)
    for (const wrong of ['', TOKEN, `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, 'Bearer '])
      expect(await shown(wrong)).toBe(401)
    expect((await call({})).headers['www-authenticate']).toContain('Bearer')
    expect(log.lines.join()).not.toContain(TOKEN)
  })

  it('is nobody while the token cannot be read, or is too short', async () => {
    for (const current of [undefined, new Secret('short')]) {
      const { call } = await startTestServer({ token: { current } })
      expect((await call({ headers: { authorization: 'Bearer short' } })).status).toBe(503)
    }
  })

  it('is asked by browsers before a page may call', async () => {
    const { call } = await startTestServer({ origins: [UI], token: { current: new Secret(TOKEN) } })
    const ask = (origin: string) =>
      call({
        method: 'OPTIONS',
        body: '',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type,x-namespace',
        },
      })
    expect(await ask(UI)).toMatchObject({
      status: 200,
      headers: {
        'access-control-allow-origin': UI,
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers': 'authorization, authorization-extras, content-type, x-namespace',
        vary: 'origin',
      },
    })
    const stranger = await ask('http://localhost:8234')
    expect([stranger.status, stranger.headers['access-control-allow-origin']]).toEqual([403, undefined])
    // A refusal can be read by the page, too.
    const refused = await call({ headers: { origin: UI } })
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([401, UI])
  })
})

describe('beyond loopback', () => {
  it('there is no server without a token, and with one a warning', async () => {
    await expect(startTestServer({ host: '0.0.0.0' })).rejects.toThrow(UnprotectedError)
    const { log } = await startTestServer({ host: '0.0.0.0', token: { current: new Secret(TOKEN) } })
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn not on loopback: payloads go over the network in plain text/),
    ])
  })
})
