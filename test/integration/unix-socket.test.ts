import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ROOT } from '../../agent/dev/tools.ts'
import { bearer, HAPROXY_VERSIONS, inParallel, NO_TEMPORAL, startEdge } from '../support/edge.ts'
import { tempFolder } from '../support/folder.ts'

/** The shipped file with one line changed. */
function variant(folder: string, name: string, from: string | RegExp, to: string): string {
  const text = readFileSync(join(ROOT, name), 'utf8')
  expect(text).toMatch(from)
  const file = join(folder, name)
  writeFileSync(file, text.replace(from, to))
  return file
}

describe.each(HAPROXY_VERSIONS)('SPOP over a UNIX socket with HAProxy %s', (version) => {
  it('decides as over TCP', async () => {
    const folder = tempFolder()
    const socket = join(folder, 'spop.sock')
    const edge = await startEdge(version, {
      config: variant(folder, 'agent.yaml', /listen: \["tcp:.*?"\]/, `listen: ["unix://${socket}"]`),
      haproxy: variant(folder, 'haproxy.cfg', '"127.0.0.1:${SPOP_PORT}"', `"unix@${socket}"`),
      temporalAddress: NO_TEMPORAL,
      worker: false,
    })
    onTestFinished(() => edge.stop())
    const token = await edge.identity.token('viewer')
    const statuses = await inParallel(60, 10, async (i) => {
      const headers = i % 2 === 0 ? bearer(token) : {}
      return (await edge.send({ method: 'GET', path: '/api/usage', headers })).status
    })
    expect(statuses).toEqual(Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? 200 : 401)))
  })
})
