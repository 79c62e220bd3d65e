import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { agentReady } from '../../agent/dev/command.ts'
import { reservePort } from '../../agent/dev/ports.ts'
import { reasonOf } from '../../agent/dev/request.ts'
import { ROOT } from '../../agent/dev/tools.ts'
import { bearer, HAPROXY_VERSIONS, inParallel, NO_TEMPORAL, startEdge } from '../support/edge.ts'
import { tempFolder } from '../support/folder.ts'

const REQUESTS = 1_600

describe.each(HAPROXY_VERSIONS)('two agents behind HAProxy %s', (version) => {
  it('are killed, stopped and replaced, one after the other, and no request notices', async () => {
    const folder = tempFolder()
    const [spop, admin] = [await reservePort(), await reservePort()]
    const haproxy = join(folder, 'haproxy.cfg')
    // The second "server" line that the comment above the first one asks for.
    const line = `server agent2 "127.0.0.1:${spop}" check inter 1s fall 2 rise 1`
    const text = readFileSync(join(ROOT, 'haproxy.cfg'), 'utf8')
    writeFileSync(haproxy, text.replace(/^ +server agent1 .*$/m, `$&\n    ${line}`))
    const edge = await startEdge(version, { temporalAddress: NO_TEMPORAL, worker: false, haproxy })
    onTestFinished(() => edge.stop())
    const another = { SPOP_PORT: String(spop), ADMIN_PORT: String(admin), OUTBOX_PATH: join(folder, 'outbox.db') }
    let second = edge.startAgent(another)
    await agentReady(second, `http://127.0.0.1:${admin}`)

    let first = edge.agent
    const steps: Record<number, () => void> = {
      200: () => first.signal('SIGKILL'),
      500: () => (first = edge.startAgent()),
      // HAProxy has found the first one again by then.
      1_000: () => second.signal('SIGTERM'),
      1_300: () => (second = edge.startAgent(another)),
    }
    const headers = bearer(await edge.identity.token('viewer'))
    const responses = await inParallel(REQUESTS, 8, async (i) => {
      steps[i]?.()
      await new Promise((resolve) => setTimeout(resolve, 20))
      return edge.send({ method: 'GET', path: '/api/usage', headers })
    })
    // Which one, and why: that tells which of the steps it was about.
    const others = responses.flatMap((response, i) =>
      response.status === 200 ? [] : [[i, response.status, reasonOf(response)]],
    )
    expect(others).toEqual([])
    expect(responses).toHaveLength(REQUESTS)
  })
})
