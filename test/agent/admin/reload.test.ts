import { describe, expect, it } from 'vitest'
import { answerReload, type ReloadCallOptions } from '../../../agent/admin/reload.ts'
import type { ReloadResult } from '../../../agent/reload/reloader.ts'
import { SecretSource } from '../../../agent/secrets/secret-file.ts'
import { serveHttp } from '../../support/local-server.ts'
import { memoryLog } from '../identity/support/provider.ts'

const TOKEN = 'canary-admin-token-4d1f'
const JSON_TYPE = { 'content-type': 'application/json' }
const DONE: ReloadResult = { ok: true, generation: 2, hash: 'abc', replaced: true, changes: {}, pendingRestart: [] }

async function start(options: Partial<ReloadCallOptions> = {}, result: ReloadResult | Error = DONE) {
  let reloads = 0
  const log = memoryLog()
  const call: ReloadCallOptions = {
    token: undefined,
    isLocal: true,
    log,
    reload: async () => {
      reloads++
      if (result instanceof Error) throw result
      return result
    },
    ...options,
  }
  const port = await serveHttp((request, response) => void answerReload(request, response, call))
  const send = async (headers: Record<string, string> = JSON_TYPE, method = 'POST') => {
    const response = await fetch(`http://127.0.0.1:${port}/reload`, { method, headers })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return { send, log, reloads: () => reloads }
}

describe('POST /reload', () => {
  it('answers with the generation that is in force', async () => {
    const { send } = await start()
    expect(await send()).toEqual({
      status: 200,
      body: { reloaded: true, generation: 2, hash: 'abc', replaced: true, changes: {}, pendingRestart: [] },
    })
  })

  it.each([
    ['invalid', 422],
    ['not_ready', 409],
    ['stopping', 409],
  ] as const)('answers a reload that was %s with %i and the problems', async (cause, status) => {
    const problems = [{ code: 'X', message: 'm', hint: 'h', file: 'agent.yaml', line: 3, column: 5 }]
    const { send } = await start({}, { ok: false, generation: 1, cause, problems })
    expect(await send()).toEqual({ status, body: { reloaded: false, generation: 1, cause, problems } })
  })

  it.each<[string, Partial<ReloadCallOptions>, Record<string, string>, string, number]>([
    ['a GET', {}, JSON_TYPE, 'GET', 405],
    ['a page of another site', {}, { ...JSON_TYPE, origin: 'https://evil.example' }, 'POST', 403],
    ['a form', {}, { 'content-type': 'text/plain' }, 'POST', 415],
    ['another machine without a token', { isLocal: false }, JSON_TYPE, 'POST', 403],
    ['no token', { token: new SecretSource({ value: TOKEN }, memoryLog()) }, JSON_TYPE, 'POST', 401],
    [
      'a wrong token',
      { token: new SecretSource({ value: TOKEN }, memoryLog()) },
      { ...JSON_TYPE, authorization: `Bearer ${TOKEN}x` },
      'POST',
      401,
    ],
  ])('refuses %s, and reloads nothing', async (_, options, headers, method, status) => {
    const { send, reloads } = await start(options)
    const answer = await send(headers, method)
    expect(answer.status).toBe(status)
    expect(answer.body).toMatchObject({ error: expect.any(String), hint: expect.any(String) })
    expect(reloads()).toBe(0)
  })

  it('takes the token from anywhere', async () => {
    const { send } = await start({ isLocal: false, token: new SecretSource({ value: TOKEN }, memoryLog()) })
    expect((await send({ ...JSON_TYPE, authorization: `Bearer ${TOKEN}` })).status).toBe(200)
  })

  it('answers a defect without its text', async () => {
    const { send, log } = await start({}, new Error(`canary ${TOKEN}`))
    const answer = await send()
    expect(answer.status).toBe(500)
    expect(JSON.stringify([answer, log.lines])).not.toContain('canary')
  })
})
