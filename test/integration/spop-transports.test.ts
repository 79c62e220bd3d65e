import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ensureCertificates } from '../../agent/dev/certificates.ts'
import { ROOT } from '../../agent/dev/tools.ts'
import { bearer, type Edge, HAPROXY_VERSIONS, inParallel, NO_TEMPORAL, startEdge } from '../support/edge.ts'
import { tempFolder } from '../support/folder.ts'

/** The shipped file with one line changed. */
function variant(folder: string, name: string, from: string | RegExp, to: string): string {
  const text = readFileSync(join(ROOT, name), 'utf8')
  expect(text).toMatch(from)
  const file = join(folder, name)
  writeFileSync(
    file,
    text.replace(from, () => to),
  )
  return file
}

describe.each(HAPROXY_VERSIONS)('SPOP with HAProxy %s', (version) => {
  it('over a UNIX socket decides as over TCP', async () => {
    const folder = tempFolder()
    const socket = join(folder, 'spop.sock')
    await decidesWith(folder, `{ address: "unix://${socket}", mode: "0600" }`, `"unix@${socket}"`)
    expect(statSync(socket).mode & 0o777).toBe(0o600)
  })

  it('over TLS with certificates on both sides decides as over TCP, health checks included', async () => {
    const folder = tempFolder()
    const { ca, edge: both } = await ensureCertificates(folder)
    const tls = `{ certFile: "${both}", keyFile: "${both}", clientCaFile: "${ca}" }`
    const address = `tcp://127.0.0.1:\${SPOP_PORT:-9000}`
    const server = `"127.0.0.1:\${SPOP_PORT}" ssl verify required ca-file "${ca}" crt "${both}"`
    const edge = await decidesWith(folder, `{ address: "${address}", allow: [127.0.0.1], tls: ${tls} }`, server)
    const { spop } = (await (await fetch(`${edge.adminUrl}/status`)).json()) as { spop: Record<string, number> }
    expect(spop).toMatchObject({ handshakeErrors: 0, peersRefused: 0 })
    expect(spop['healthChecks']).toBeGreaterThan(0)
  })

  /** The shipped configuration with one listener and one server address changed answers 200 and 401 where it should. */
  async function decidesWith(folder: string, listen: string, server: string): Promise<Edge> {
    const edge = await startEdge(version, {
      config: variant(folder, 'agent.yaml', /listen: \["tcp:.*?"\]/, `listen: ${listen}`),
      haproxy: variant(folder, 'haproxy.cfg', '"127.0.0.1:${SPOP_PORT}"', server),
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
    return edge
  }
})
