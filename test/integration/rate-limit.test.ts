import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EdgeResponse, reasonOf } from '../../agent/dev/request.ts'
import { publicJwk } from '../agent/identity/dpop/support.ts'
import {
  EDGE_SECRET,
  type OpaqueProvider,
  startOpaqueProvider,
} from '../agent/identity/introspection/opaque-provider.ts'
import { testKey } from '../agent/identity/support/tokens.ts'
import { checkFiles } from '../support/command.ts'
import { codeBlock, codeBlocks, docsPage, docsSection, replaced } from '../support/docs.ts'
import { bearer, type Edge, HAPROXY_VERSIONS, NO_TEMPORAL, startEdge } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'
import { type ConfigFiles, shipped, writeConfigFiles } from '../support/shipped-files.ts'

const perCaller = docsSection(docsPage('identity/README.md'), 'Rate limits per caller')
const perAddress = docsPage('identity/introspection.md')

/** The shipped files with the two limits of the documentation, in periods that no slow machine can outlast. */
function writeFiles(folder: string): ConfigFiles {
  const long = (lines: string): string => replaced(lines, '_rate(10s)', '_rate(10m)')
  const asked = `  providers:
    opaque:
      kind: introspection
      issuer: \${OPAQUE_ISSUER}
      audience: orders-api
      client: { id: edge-basic, secret: "\${EDGE_SECRET}" }
`
  let config = replaced(shipped('agent.yaml'), 'identity:\n', codeBlock(perCaller, 'yaml'))
  config = replaced(config, '  providers:\n', asked)
  config = replaced(
    config,
    'rules:\n',
    'rules:\n  - { name: asked, match: { path: /asked }, identity: { require: opaque } }\n',
  )
  const pass = '    # What may pass without an answer of the agent'
  const [address = '', refusal = ''] = codeBlocks(perAddress, 'haproxy')
  const bind = /^frontend edge\n.*\n/m.exec(shipped('haproxy.cfg'))?.[0] ?? ''
  let haproxy = replaced(shipped('haproxy.cfg'), bind, `${bind}${long(address)}`)
  haproxy = replaced(haproxy, pass, `${refusal}${codeBlock(perCaller, 'haproxy')}${pass}`)
  haproxy += `\n${long(codeBlock(perCaller, 'haproxy-section'))}`
  const spoe = replaced(shipped('spoe.conf'), /^ *event on-frontend-http-request\n/m, codeBlock(perAddress, 'spoe'))
  writeFileSync(join(folder, 'rate-limit.key'), 'test-only-key-of-callers\n')
  return writeConfigFiles(folder, { config, haproxy, spoe })
}

describe.each(HAPROXY_VERSIONS)('the limits of callers and of addresses, both at once, on HAProxy %s', (version) => {
  const folder = newFolder()
  let files: ConfigFiles
  let provider: OpaqueProvider
  let edge: Edge

  beforeAll(async () => {
    files = writeFiles(folder)
    provider = await startOpaqueProvider({ clientKey: publicJwk(testKey('ES256')) as never })
    const env = { OPAQUE_ISSUER: provider.issuer, EDGE_SECRET }
    edge = await startEdge(version, { ...files, env, temporalAddress: NO_TEMPORAL, worker: false })
  })
  afterAll(async () => {
    await edge?.stop()
    await provider?.[Symbol.asyncDispose]()
    removeFolder(folder)
  })

  const get = (path: string, token: string): Promise<EdgeResponse> =>
    edge.send({ method: 'GET', path, headers: bearer(token) })
  /** Statuses of so many requests, one after the other. */
  const statuses = async (count: number, request: (i: number) => Promise<EdgeResponse>): Promise<number[]> => {
    const seen: number[] = []
    for (let i = 0; i < count; i++) seen.push((await request(i)).status)
    return seen
  }
  const times = (count: number, status: number): number[] => Array.from({ length: count }, () => status)

  it('"check" finds nothing to say of them', async () => {
    expect(await checkFiles(files, edge.env)).toMatchObject({ ok: true, problems: [] })
  })

  it('a caller has a hundred requests, with whatever token, and others have theirs', async () => {
    const [first, second, other] = [
      await edge.identity.token('viewer'),
      await edge.identity.token('viewer'),
      await edge.identity.token('buyer'),
    ]
    expect(await statuses(100, (i) => get('/api/usage', i % 2 === 0 ? first : second))).toEqual(times(100, 200))
    const refused = await get('/api/usage', first)
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '10'])
    expect((await get('/api/usage', second)).status).toBe(429)
    expect((await get('/api/usage', other)).status).toBe(200)
  }, 120_000)

  it('who shows nothing is no caller: his requests are refused as ever, and not counted', async () => {
    const anonymous = (): Promise<EdgeResponse> => edge.send({ method: 'GET', path: '/api/usage' })
    expect(await statuses(110, anonymous)).toEqual(times(110, 401))
  }, 120_000)

  it('then an address that sends made-up tokens is refused, and nobody is asked about them', async () => {
    const { access } = await provider.userTokens('bob')
    expect((await get('/asked', access)).status).toBe(200)
    const before = provider.introspections()
    const seen = await statuses(60, (i) => get('/asked', `made-up-${i}`))
    expect(seen).toEqual([...times(50, 401), ...times(10, 429)])
    expect(provider.introspections()).toBe(before + 51)
    expect(reasonOf(await get('/asked', 'made-up'))).toBeUndefined()
  }, 120_000)
})
