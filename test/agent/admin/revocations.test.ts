import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isLoopback, namesLoopback } from '../../../agent/admin/loopback.ts'
import { answerRevocation, type RevocationCallOptions } from '../../../agent/admin/revocations.ts'
import { Revocations } from '../../../agent/identity/revocation/revocations.ts'
import { SecretSource } from '../../../agent/secrets/secret-file.ts'
import { tempFolder } from '../../support/folder.ts'
import { serveHttp } from '../../support/local-server.ts'
import { FakeClock, memoryLog } from '../identity/support/provider.ts'
import { outcome, setUp } from '../identity/support/setup.ts'
import { signToken, testKey } from '../identity/support/tokens.ts'
import { twinOf } from '../identity/support/twins.ts'

const TOKEN = 'canary-admin-token-4d1f'
const DIGEST = Buffer.alloc(32, 171).toString('base64url')

interface Reply {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly body: Record<string, unknown>
}

/** The call behind a server of its own, whose clock stands still. */
async function start(options: Partial<RevocationCallOptions> = {}, maxEntries = 10) {
  const [clock, log] = [new FakeClock(), memoryLog()]
  const revocations = new Revocations(
    { onUnavailable: 'deny', maxEntries },
    { now: clock.now, monotonicMs: clock.now, log },
  )
  const call: RevocationCallOptions = {
    revocations,
    providers: ['corp', 'partners'],
    token: undefined,
    isLocal: true,
    log,
    now: clock.now,
    ...options,
  }
  onTestFinished(() => revocations.close())
  const port = await serveHttp((request, response) => void answerRevocation(request, response, call))

  const send = (body: string | Buffer, headers: Record<string, string> = {}, method = 'POST'): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const sent = httpRequest({
        port,
        host: '127.0.0.1',
        method,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
      })
      sent.on('error', reject)
      sent.on('response', (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString()))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: JSON.parse(text) as Record<string, unknown>,
          }),
        )
      })
      sent.end(body)
    })
  const revoke = (body: object, headers: Record<string, string> = {}): Promise<Reply> =>
    send(JSON.stringify(body), headers)
  return { send, revoke, revocations, clock, log, port }
}

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })
const given = (value: string) => new SecretSource({ value }, memoryLog())

describe('POST /revocations', () => {
  it('revokes a token and its twin from the next request on, although both are cached', async () => {
    const { revoke, revocations, clock, log } = await start()
    const key = testKey('ES256')
    await using setup = await setUp([key], {}, { checks: [(identity) => revocations.check(identity)] })
    const token = signToken(key, setup.claims({ exp: clock.seconds + 600 }))
    const twin = twinOf(token, 'ES256')
    for (const each of [token, twin]) expect(await outcome(setup.check(each))).toBe('ok')
    const { status, headers, body } = await revoke({ token: ` ${token}\n`, provider: 'corp', reason: 'lost' })
    expect(status).toBe(201)
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' })
    expect(body).toMatchObject({
      source: 'admin',
      entries: 1,
      entry: { provider: 'corp', reason: 'lost', until: '2026-01-01T01:10:00Z' },
    })
    for (const each of [token, twin]) expect(setup.check(each)).toMatchObject({ ok: false, reason: 'revoked' })
    expect(JSON.stringify(body) + log.lines.join('\n')).not.toContain(token.slice(-20))
    expect(log.lines).toEqual([
      'revocation added by the admin server {"kind":"digest","provider":"corp","until":"2026-01-01T01:10:00Z"}',
    ])
  })

  it.each<[object, object]>([
    [
      { jti: 'a', provider: 'partners', until: '8h' },
      { jti: 'a', provider: 'partners', until: '2026-01-01T08:00:00Z' },
    ],
    [
      { subject: 'ann', provider: 'corp', allBefore: 'now', until: 'never' },
      { subject: 'ann', provider: 'corp', issuedBefore: '2026-01-01T00:00:00Z', until: 'never' },
    ],
    [
      { issuer: 'https://i', allBefore: '2025-12-31T00:00:00Z', until: '1d' },
      { issuer: 'https://i', issuedBefore: '2025-12-31T00:00:00Z', until: '2026-01-02T00:00:00Z' },
    ],
    [
      { session: 's', until: '2027-01-01T00:00:00Z' },
      { session: 's', until: '2027-01-01T00:00:00Z' },
    ],
    [
      { tokenSha256: DIGEST, until: '1h' },
      { token: DIGEST, until: '2026-01-01T01:00:00Z' },
    ],
    [
      { certificateSha256: DIGEST, until: '99999999d' },
      { certificate: DIGEST, until: 'never' },
    ],
  ])('takes %j', async (body, entry) => {
    const { revoke, revocations } = await start()
    expect(await revoke(body)).toMatchObject({ status: 201, body: { entry } })
    expect(revocations.status()).toMatchObject({ entries: 1 })
    expect(revocations.status().sources).toMatchObject([{ source: 'admin', entries: 1 }, { source: 'workflow' }])
  })

  it('takes a certificate in PEM until it expires', async () => {
    const folder = tempFolder()
    const path = join(folder, 'client.pem')
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=a']
    execFileSync('openssl', [...args, '-days', '20000', '-keyout', join(folder, 'key.pem'), '-out', path], {
      stdio: 'ignore',
    })
    const pem = execFileSync('openssl', ['x509', '-in', path]).toString()
    const { revoke } = await start()
    const { status, body } = await revoke({ certificate: pem })
    expect(status).toBe(201)
    const { fingerprint256, validTo } = new X509Certificate(pem)
    expect(body['entry']).toEqual({
      certificate: Buffer.from(fingerprint256.replaceAll(':', ''), 'hex').toString('base64url'),
      until: new Date(Date.parse(validTo) + 3_600_000).toISOString().replace('.000Z', 'Z'),
    })
  })

  it.each<[string, object, string]>([
    ['nothing', { until: '8h' }, 'say one of "jti", "subject", "session", "token", "tokenSha256"'],
    ['two things', { jti: 'hunter2', subject: 'b', until: '8h' }, 'say one of'],
    ['no end', { jti: 'hunter2' }, 'say "until"'],
    ['an opaque token without an end', { token: 'hunter2-opaque' }, 'say "until"'],
    ['an end that is past', { jti: 'hunter2', until: '2025-12-31T23:59:59Z' }, 'over already'],
    ['an end that is none', { jti: 'hunter2', until: 'tomorrow' }, '"until" is neither'],
    ['an end in seconds', { jti: 'hunter2', until: 3600 }, '"until" is not a text'],
    ['another provider', { jti: 'hunter2', provider: 'crop', until: '8h' }, 'there are corp, partners'],
    ['everybody', { allBefore: 'now', until: '8h' }, 'needs "provider" or "issuer"'],
    ['an unknown member', { jti: 'hunter2', until: '8h', ttl: '1h' }, 'an unknown member'],
    ['the name that lists have', { jti: 'hunter2', until: '8h', issuedBefore: '1' }, 'an unknown member'],
    ['a digest for a token', { token: DIGEST, until: '8h' }, 'looks like a SHA-256'],
    ['a digest in hex for a token', { token: 'ab'.repeat(32), until: '8h' }, 'looks like a SHA-256'],
    [
      'a digest with colons for a token',
      { token: Array(32).fill('AB').join(':'), until: '8h' },
      'looks like a SHA-256',
    ],
    ['a token for a digest', { tokenSha256: 'hunter2', until: '8h' }, 'is not a SHA-256'],
    ['an empty token', { token: ' ', until: '8h' }, '"token" is empty'],
    ['a path for a certificate', { certificate: '/etc/hunter2.pem' }, 'not a certificate'],
    ['a control character', { jti: 'hunter2\n', until: '8h' }, '"jti" is not a text'],
  ])('refuses %s, and quotes nothing', async (_, body, told) => {
    const { revoke, revocations, log } = await start()
    const { status, body: answer } = await revoke(body)
    expect(status).toBe(400)
    expect(answer).toMatchObject({ error: 'invalid_entry', hint: expect.stringContaining('revocation.md') as string })
    expect(answer['message']).toContain(told)
    expect(JSON.stringify(answer) + log.lines.join('')).not.toContain('hunter2')
    expect(revocations.status().entries).toBe(0)
  })

  it.each<[string, string | Buffer]>([
    ['no JSON', '{"jti":"hunter2"'],
    ['nothing', ''],
    ['a list', '[{"jti":"hunter2","until":"8h"}]'],
    ['a key twice', '{"jti":"hunter2","jti":"b","until":"8h"}'],
    ['no UTF-8', Buffer.concat([Buffer.from('{"until":"8h","jti":"'), Buffer.from([0xff]), Buffer.from('"}')])],
  ])('refuses %s', async (_, body) => {
    const { send, revocations } = await start()
    const { status, body: answer } = await send(body)
    expect([status, answer['error']]).toEqual([400, 'not_json'])
    expect(JSON.stringify(answer)).not.toContain('hunter2')
    expect(revocations.status().entries).toBe(0)
  })

  it('refuses more than 32 KiB, whether it is announced or not, and says so', async () => {
    const { send, revocations, port } = await start()
    const long = JSON.stringify({ jti: 'a', until: '8h', reason: 'x'.repeat(33_000) })
    expect(await send(long)).toMatchObject({ status: 413, body: { error: 'too_large' } })
    // In chunks, so that nothing announces the length, and without an end.
    const socket = connect(port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    let answer = ''
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
    socket.on('error', () => undefined)
    socket.write(
      'POST /revocations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
    )
    socket.write(`8100\r\n${'x'.repeat(0x8100)}\r\n`)
    await once(socket, 'close')
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer.toLowerCase()).toContain('connection: close')
    expect(revocations.status().entries).toBe(0)
  })

  it('goes on after a sender who goes away in the middle', async () => {
    const { revoke, port, log } = await start()
    const socket = connect(port, '127.0.0.1')
    socket.write(
      'POST /revocations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"',
    )
    await once(socket, 'connect')
    socket.destroy()
    expect((await revoke({ jti: 'a', until: '8h' })).status).toBe(201)
    expect(log.lines).toHaveLength(1)
  })

  it.each(['GET', 'PUT', 'DELETE', 'OPTIONS'])('refuses %s', async (method) => {
    const { send } = await start()
    expect(await send('', {}, method)).toMatchObject({
      status: 405,
      headers: { allow: 'POST' },
      body: { error: 'method_not_allowed' },
    })
  })

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', ''])(
    'refuses the type "%s", which a page of another site could send',
    async (type) => {
      const { revoke, revocations } = await start()
      expect(await revoke({ jti: 'a', until: '8h' }, { 'content-type': type })).toMatchObject({ status: 415 })
      expect(revocations.status().entries).toBe(0)
    },
  )

  it('refuses what finds no room', async () => {
    const { revoke } = await start({}, 1)
    expect((await revoke({ jti: 'a', until: '8h' })).status).toBe(201)
    expect(await revoke({ jti: 'b', until: '8h' })).toMatchObject({ status: 503, body: { error: 'no_room' } })
  })
})

describe('who may call POST /revocations', () => {
  const entry = { jti: 'a', until: '8h' }

  it('without a token: nobody, where others than this machine reach the server', async () => {
    const { revoke, revocations } = await start({ isLocal: false })
    expect(await revoke(entry)).toMatchObject({ status: 403, body: { error: 'token_needed' } })
    expect(revocations.status().entries).toBe(0)
  })

  it.each<[string, Record<string, string>]>([
    ['of another site that was resolved to loopback', { host: 'evil.example:9101' }],
    ['that looks like loopback', { host: '127.0.0.1.evil.example' }],
    ['of a page', { origin: 'http://127.0.0.1:3000' }],
    ['of a page in a frame', { origin: 'null' }],
  ])('without a token: no call %s', async (_, headers) => {
    const { revoke, revocations } = await start()
    expect(await revoke(entry, headers)).toMatchObject({ status: 403, body: { error: 'not_local' } })
    expect(revocations.status().entries).toBe(0)
  })

  it('with a token: whoever shows it, wherever the server listens', async () => {
    const { revoke, log } = await start({ isLocal: false, token: given(TOKEN) })
    expect((await revoke(entry, { ...bearer(TOKEN), host: 'agent.example' })).status).toBe(201)
    expect((await revoke(entry, { authorization: `bearer   ${TOKEN}` })).status).toBe(201)
    expect(log.lines.join('\n')).not.toContain(TOKEN)
  })

  it.each<[string, Record<string, string>]>([
    ['none', {}],
    ['another', bearer('canary-admin-token-4d1e')],
    ['a shorter one', bearer(TOKEN.slice(0, -1))],
    ['a longer one', bearer(`${TOKEN}x`)],
    ['one of another scheme', { authorization: `Basic ${TOKEN}` }],
    ['what a printed secret looks like', bearer('[redacted]')],
  ])('with a token: not whoever shows %s, on loopback either, and the answer does not tell it', async (_, headers) => {
    const { revoke, revocations, log } = await start({ token: given(TOKEN) })
    const answer = await revoke(entry, headers)
    expect(answer).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer realm="haproxy-temporal admin"' },
      body: { error: 'token_wrong' },
    })
    expect(JSON.stringify(answer) + log.lines.join('')).not.toContain('canary')
    expect(revocations.status().entries).toBe(0)
  })

  it('with a token in a file: nobody while it cannot be read or is too short', async () => {
    const path = join(tempFolder(), 'token')
    const token = new SecretSource({ file: path }, memoryLog(), { pollMs: 5 })
    onTestFinished(() => token.close())
    await token.start()
    const { revoke } = await start({ token })
    expect(await revoke(entry, bearer(TOKEN))).toMatchObject({ status: 503, body: { error: 'token_unavailable' } })
    writeFileSync(path, 'short\n')
    await expect.poll(() => token.current).toBeDefined()
    expect(await revoke(entry, bearer('short'))).toMatchObject({ status: 503, body: { error: 'token_unavailable' } })
    writeFileSync(path, `${TOKEN}\n`)
    await expect.poll(async () => (await revoke(entry, bearer(TOKEN))).status).toBe(201)
  })
})

describe('loopback', () => {
  it.each(['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])('is %s', (address) => {
    expect(isLoopback(address)).toBe(true)
  })
  it.each(['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '::2', '::ffff:10.0.0.1', '1270.0.0.1', '', 'localhost'])(
    'is not "%s"',
    (address) => {
      expect(isLoopback(address)).toBe(false)
    },
  )
  it.each(['localhost', 'LOCALHOST:9101', '127.0.0.1:9101', '[::1]:9101', '[::1]'])('is named by %s', (host) => {
    expect(namesLoopback(host)).toBe(true)
  })
  it.each([undefined, '', 'localhost.evil.example', '127.0.0.1@evil.example', 'evil.example', '::1', '10.0.0.1'])(
    'is not named by %s',
    (host) => {
      expect(namesLoopback(host)).toBe(false)
    },
  )
})
