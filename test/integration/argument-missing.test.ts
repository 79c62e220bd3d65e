import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitUntil } from '../../agent/dev/process.ts'
import { type Edge, HAPROXY_VERSIONS, NO_TEMPORAL, outcomeOf, startEdge } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'
import { shipped, withArguments } from '../support/shipped-files.ts'

const CONFIG = `version: 1
spop: { listen: "tcp://127.0.0.1:\${SPOP_PORT}", deadline: "\${SPOP_DEADLINE}" }
admin: { listen: "tcp://127.0.0.1:\${ADMIN_PORT}" }
temporal: { address: "\${TEMPORAL_ADDRESS}" }
outbox: { path: "\${OUTBOX_PATH}" }
rules:
  - { name: banned, match: { header: { x-banned: { present: true } } }, deny: 403 }
  - { name: rest, identity: none, route: app }
`

const ARGUMENTS = 'args h_x_banned=req.fhdr(x-banned) n_x_banned=req.fhdr_cnt(x-banned)'
const REFUSED = [503, 'internal_error']

describe.each(HAPROXY_VERSIONS)('a rule that reads a header, behind HAProxy %s', (version) => {
  const folder = newFolder()
  const spoe = join(folder, 'spoe.conf')
  let edge: Edge
  beforeAll(async () => {
    const config = join(folder, 'agent.yaml')
    writeFileSync(config, CONFIG)
    writeFileSync(spoe, shipped('spoe.conf'))
    edge = await startEdge(version, { config, spoe, temporalAddress: NO_TEMPORAL, worker: false, masterWorker: true })
  })
  afterAll(async () => {
    await edge?.stop()
    removeFolder(folder)
  })

  const ask = (path: string, headers = {}) => outcomeOf(edge.send({ method: 'GET', path, headers }))

  it('is passed by nobody while spoe.conf does not send it', async () => {
    for (const path of ['/', '/x', '/api/usage']) {
      expect(await ask(path)).toEqual(REFUSED)
      expect(await ask(path, { 'x-banned': '1' })).toEqual(REFUSED)
    }
  })

  it('is named in the log, with what is to be done', () => {
    const log = readFileSync(edge.agent.logFile, 'utf8')
    expect(log).toMatch(/spoe\.conf does not send \\"[hn]_x_banned\\", which rules read/)
    expect(log).toContain('haproxy-temporal check')
  })

  it('decides once HAProxy has loaded a spoe.conf that sends it, the agent being the same', async () => {
    writeFileSync(spoe, withArguments(shipped('spoe.conf'), ARGUMENTS))
    edge.haproxy.signal('SIGUSR2')
    await waitUntil('the new spoe.conf', async () => (await ask('/')).join() === '200,ok')
    expect(await ask('/x', { 'x-banned': '1' })).toEqual([403, 'policy_denied'])
    expect(await ask('/x', { 'x-banned': '' })).toEqual([403, 'policy_denied'])
    expect(await ask('/x')).toEqual([200, 'ok'])
  })
})
