import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reservePort } from '../../../agent/dev/ports.ts'
import { echoOf } from '../../../agent/dev/request.ts'
import { startUpstream, type Upstream } from '../../../agent/dev/upstream.ts'
import { bearer, HAPROXY_VERSIONS } from '../../support/edge.ts'
import { newFolder, removeFolder } from '../../support/folder.ts'
import { type Recipe, startRecipe } from '../../support/recipes.ts'

const CALLERS = Array.from({ length: 40 }, (_, i) => `caller-${i}`)

/** The first 12 bits of the hash are two characters of base64url. */
function bucketOf(subject: string): number {
  const bits = createHash('sha256').update(`api ${subject}`).digest().readUInt16BE() >> 4
  return Math.floor((bits * 100) / 4096)
}

describe.each(HAPROXY_VERSIONS)('the recipe of canaries on HAProxy %s', (version) => {
  const folder = newFolder()
  const ADMIN_SOCKET = join(folder, 'admin.sock')
  let upstream: Upstream
  let edge: Recipe

  beforeAll(async () => {
    upstream = await startUpstream('canary', await reservePort())
    edge = await startRecipe(version, 'canary', { env: { CANARY_SERVER: upstream.address, ADMIN_SOCKET } })
  })
  afterAll(async () => {
    await edge?.stop()
    await upstream?.close()
    removeFolder(folder)
  })

  /** What HAProxy's administration answers. */
  const tell = (command: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let text = ''
      const socket = connect(ADMIN_SOCKET, () => socket.write(`${command}\n`))
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
      socket.on('error', reject)
      socket.on('close', () => resolve(text.trim()))
    })

  const map = (): string => join(dirname(edge.files.haproxy), 'canary.map')
  const serverOf = async (subject: string, tenant: string, path: string): Promise<string | undefined> => {
    const now = Math.floor(Date.now() / 1000)
    const token = await edge.identity.sign({ sub: subject, tenant, iat: now, exp: now + 600 })
    return echoOf(await edge.send({ method: 'GET', path, headers: bearer(token) }))?.upstream
  }
  const inCanary = async (path = '/api/x'): Promise<string[]> => {
    const servers = await Promise.all(CALLERS.map((subject) => serverOf(subject, 'acme', path)))
    for (const name of servers) expect(['app', 'canary']).toContain(name)
    return CALLERS.filter((_, i) => servers[i] === 'canary')
  }
  const below = (share: number): string[] => CALLERS.filter((subject) => bucketOf(subject) < share)

  it('a quarter of the callers gets it, the same ones each time', async () => {
    expect(below(25).length).toBeGreaterThan(3)
    expect(await inCanary()).toEqual(below(25))
    expect(await inCanary()).toEqual(below(25))
  })

  it('the share is changed while it runs, and nobody goes back while it grows', async () => {
    for (const share of [50, 100, 0]) {
      expect(await tell(`set map ${map()} api ${share}`)).toBe('')
      expect(await inCanary()).toEqual(below(share))
    }
    expect(await tell(`show map ${map()}`)).toMatch(/ api 0$/)
  })

  it('a rule without a bucket, or without a share, has none', async () => {
    await tell(`set map ${map()} api 100`)
    expect(await inCanary('/search/x')).toEqual([])
    await tell(`del map ${map()} api`)
    expect(await inCanary()).toEqual([])
  })

  it('a tenant goes there as a whole', async () => {
    expect(await serverOf('anybody', 'initech', '/search/x')).toBe('canary')
    expect(await serverOf('anybody', 'globex', '/search/x')).toBe('app')
    expect(await serverOf('anybody', 'umbrella', '/search/x')).toBe('app')
  })
})
