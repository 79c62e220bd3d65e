import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reasonOf } from '../../agent/dev/request.ts'
import { RunningCommand } from '../support/command.ts'
import { bearer, type Edge, HAPROXY_VERSIONS, NO_TEMPORAL, startEdge } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'

const PROVIDER = ['--issuer', '${OIDC_ISSUER}', '--audience', 'orders-api', '--workflow', 'requestHook']
const PATHS = ['--host', 'localhost', '--protect', '/api/**', '--public', '/healthz', '--public', '/docs/**']

describe.each(HAPROXY_VERSIONS)('what init wrote, on HAProxy %s', (version) => {
  const folder = newFolder()
  let edge: Edge
  beforeAll(async () => {
    const command = new RunningCommand(['init', '--dir', folder, ...PROVIDER, ...PATHS])
    const { code, stderr } = await command.result
    command.dispose()
    expect([code, stderr]).toEqual([0, ''])
    const path = (name: string): string => join(folder, name)
    const files = { config: path('agent.yaml'), haproxy: path('haproxy.cfg'), spoe: path('spoe.conf') }
    edge = await startEdge(version, { ...files, temporalAddress: NO_TEMPORAL, worker: false })
  })
  afterAll(async () => {
    await edge.stop()
    removeFolder(folder)
  })
  const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    edge.send({ method: 'GET', path, headers: { host: 'localhost', ...headers } })

  it('lets everybody in where it was told so', async () => {
    expect((await get('/healthz')).status).toBe(200)
    expect((await get('/docs/a')).status).toBe(200)
  })

  it('wants a token for the protected paths, and lets its bearer in as who it is', async () => {
    const refused = await get('/api/orders')
    expect([refused.status, reasonOf(refused)]).toEqual([401, 'no_credentials'])
    const allowed = await get('/api/orders', bearer(await edge.identity.token('buyer')))
    expect(allowed.status).toBe(200)
    expect(await edge.logged(allowed)).toMatchObject({
      decision: 'allow',
      rule: 'protected',
      backend: 'app',
      subject: 'buyer',
    })
    expect((await edge.events()).total.received).toBe(1)
  })

  it('denies what no rule names, and other hosts', async () => {
    expect(reasonOf(await get('/other'))).toBe('default_denied')
    const token = bearer(await edge.identity.token('buyer'))
    expect(reasonOf(await get('/api/orders', { ...token, host: 'other.example.com' }))).toBe('default_denied')
  })
})
