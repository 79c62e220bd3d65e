import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reasonOf } from '../../agent/dev/request.ts'
import { twinOf } from '../agent/identity/support/twins.ts'
import { replaced } from '../support/docs.ts'
import { bearer, type Edge, NO_TEMPORAL, startEdge } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'
import { shipped, writeConfigFiles } from '../support/shipped-files.ts'

const ADMIN_TOKEN = 'canary-admin-token-4d1f'

/** The shipped files, with a token of the admin server beside agent.yaml and a scope that the provider demands. */
function writeFiles(folder: string): { config: string } {
  writeFileSync(join(folder, 'admin-token'), `${ADMIN_TOKEN}\n`)
  let config = replaced(shipped('agent.yaml'), /^admin:\n/m, 'admin:\n  token: { file: admin-token }\n')
  config = replaced(config, 'audience: [orders-api]\n', 'audience: [orders-api]\n      requiredScopes: [orders:read]\n')
  return writeConfigFiles(folder, { config, haproxy: shipped('haproxy.cfg'), spoe: shipped('spoe.conf') })
}

describe('an agent that runs', () => {
  const folder = newFolder()
  let edge: Edge

  beforeAll(async () => {
    const { config } = writeFiles(folder)
    edge = await startEdge('3.2', { config, temporalAddress: NO_TEMPORAL, worker: false })
  })
  afterAll(async () => {
    await edge?.stop()
    removeFolder(folder)
  })

  const ask = (token: string) => edge.send({ method: 'GET', path: '/api/usage', headers: bearer(token) })
  const revoke = async (entry: object, token: string) => {
    const response = await fetch(`${edge.adminUrl}/revocations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(entry),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }

  it('refuses a token and its twin from the request after the call on, and no other token of the caller', async () => {
    const token = await edge.identity.token('viewer', { scope: 'orders:read' })
    const other = await edge.identity.token('viewer', { scope: 'orders:read' })
    const twin = twinOf(token, 'ES256')
    for (const each of [token, twin, other]) expect((await ask(each)).status).toBe(200)

    expect(await revoke({ token, provider: 'corp' }, 'canary-of-somebody-else')).toMatchObject({
      status: 401,
      body: { error: 'token_wrong' },
    })
    expect((await ask(token)).status).toBe(200)

    expect(await revoke({ token, provider: 'corp' }, ADMIN_TOKEN)).toMatchObject({ status: 201, body: { entries: 1 } })
    for (const each of [token, twin]) {
      const response = await ask(each)
      expect([response.status, reasonOf(response)]).toEqual([401, 'revoked'])
    }
    expect((await ask(other)).status).toBe(200)
    expect(await (await fetch(`${edge.adminUrl}/status`)).json()).toMatchObject({
      revocations: { entries: 1, hits: 2, sources: [{ source: 'admin', entries: 1 }, { source: 'workflow' }] },
    })
    const log = edge.agent.logTail()
    expect(log).toContain('revocation added by the admin server')
    expect(log).not.toContain('canary')
    expect(log).not.toContain(token)
  })

  it('names in its challenge the scope that the provider demands', async () => {
    const response = await ask(await edge.identity.token('viewer', { scope: '' }))
    expect([response.status, reasonOf(response)]).toEqual([403, 'insufficient_scope'])
    expect(response.headers['www-authenticate']).toMatch(/^Bearer .*error="insufficient_scope".*, scope="orders:read"$/)
  })
})
