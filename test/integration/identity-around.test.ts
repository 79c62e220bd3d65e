import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reasonOf } from '../../agent/dev/request.ts'
import { waitUntil } from '../../agent/dev/process.ts'
import { replaced } from '../support/docs.ts'
import { bearer, type Edge, HAPROXY_VERSIONS, NO_TEMPORAL, startEdge } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'
import { shipped, writeConfigFiles } from '../support/shipped-files.ts'

const LIMIT_KEY = 'canary-limit-key-0123456789'
const PSEUDONYM_KEY = 'canary-pseudonym-key-0123456789'

// What stands around the proof of a caller: revocation, audit records, names for rate limits, and secrets that stay secret.
describe.each(HAPROXY_VERSIONS)('around identity, through HAProxy %s', (version) => {
  const folder = newFolder()
  const revoked = join(folder, 'revoked.jsonl')
  const records = join(folder, 'audit.jsonl')
  let edge: Edge

  beforeAll(async () => {
    writeFileSync(revoked, '')
    const identity = `identity:\n  rateLimitKey: \${LIMIT_KEY}\n  revocation: { file: "${revoked}" }\n`
    const audit = `audit:\n  to: { file: "${records}" }\n  allow: all\n  pseudonymise: true\n  pseudonyms: { keyId: k1, secret: "\${PSEUDONYM_KEY}" }\n`
    const header =
      '    http-request set-header X-Identity-Limit "%[var(txn.temporal.rlkey)]" if { var(txn.temporal.rlkey) -m found }\n'
    const forwarded = '    http-request set-header X-Forwarded-Proto'
    const files = writeConfigFiles(folder, {
      config: `${replaced(shipped('agent.yaml'), 'identity:\n', identity)}\n${audit}`,
      haproxy: replaced(shipped('haproxy.cfg'), forwarded, `${header}${forwarded}`),
      spoe: shipped('spoe.conf'),
    })
    edge = await startEdge(version, {
      ...files,
      temporalAddress: NO_TEMPORAL,
      worker: false,
      env: { LIMIT_KEY, PSEUDONYM_KEY },
    })
  })
  afterAll(async () => {
    await edge?.stop()
    removeFolder(folder)
  })

  const call = async (token: string) => {
    const response = await edge.send({ method: 'GET', path: '/api/usage', headers: bearer(token) })
    return { response, reason: response.status === 200 ? 'ok' : reasonOf(response) }
  }

  it('names each caller for rate limits, always the same and no other', async () => {
    const limitOf = async (login: string): Promise<string | undefined> =>
      /"x-identity-limit":"([^"]+)"/.exec((await call(await edge.identity.token(login))).response.body)?.[1]
    const [first, again, other] = [await limitOf('viewer'), await limitOf('viewer'), await limitOf('buyer')]
    expect(first).toMatch(/^[\w-]{22}$/)
    expect(again).toBe(first)
    expect(other).not.toBe(first)
  })

  it('X5: revokes a token that is in the cache, soon after the file says so, and no other', async () => {
    const now = Math.floor(Date.now() / 1000)
    const tokenOf = (jti: string): Promise<string> =>
      edge.identity.sign({ sub: 'viewer', jti, iat: now, exp: now + 600, roles: [] })
    const [bad, good] = [await tokenOf('stolen'), await tokenOf('kept')]
    expect([(await call(bad)).reason, (await call(good)).reason]).toEqual(['ok', 'ok'])
    appendFileSync(revoked, `${JSON.stringify({ jti: 'stolen', until: now + 600 })}\n`)
    await waitUntil('the revocation to be read', async () => (await call(bad)).reason === 'revoked')
    expect((await call(bad)).response).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': expect.stringContaining('invalid_token') },
    })
    expect((await call(good)).reason).toBe('ok')
  })

  it('records every decision, and no secret anywhere', async () => {
    const canary = `canary${Math.random().toString(36).slice(2)}canary`
    const { response } = await call(canary)
    expect(response.status).toBe(400)
    const token = await edge.identity.token('viewer')
    const allowed = (await call(token)).response
    const lines = (): string[] => (existsSync(records) ? readFileSync(records, 'utf8').split('\n').filter(Boolean) : [])
    await waitUntil('both records', async () =>
      [response, allowed].every(({ requestId }) => lines().some((line) => line.includes(requestId))),
    )
    const found = (requestId: string): unknown =>
      JSON.parse(lines().find((line) => line.includes(requestId)) ?? '{}') as unknown
    expect(found(response.requestId)).toMatchObject({
      event: { outcome: 'failure', reason: 'malformed_token' },
      rule: { id: 'api' },
    })
    expect(found(allowed.requestId)).toMatchObject({
      event: { outcome: 'success' },
      user: { hash: expect.stringMatching(/^k1\./) },
      rule: { id: 'api' },
    })

    const { adminUrl } = edge
    const outputs = [
      ...lines(),
      readFileSync(edge.agent.logFile, 'utf8'),
      readFileSync(edge.haproxy.logFile, 'utf8'),
      await (await fetch(`${adminUrl}/metrics`)).text(),
      await (await fetch(`${adminUrl}/status`)).text(),
      response.body,
      JSON.stringify(response.headers),
    ].join('\n')
    for (const secret of [canary, LIMIT_KEY, PSEUDONYM_KEY, token, token.slice(-40)]) {
      expect(outputs.includes(secret), 'a secret got out').toBe(false)
    }
  })
})
