import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { reservePort } from '../../../agent/dev/ports.ts'
import { ManagedProcess, waitUntil } from '../../../agent/dev/process.ts'
import { ROOT } from '../../../agent/dev/tools.ts'
import { echoPath } from '../../support/echo.ts'
import { HAPROXY_VERSIONS, inParallel } from '../../support/edge.ts'
import { newFolder, removeFolder } from '../../support/folder.ts'
import { startPair, startSpoe } from '../../support/spoe.ts'
import { expose } from '../../support/spoe-config.ts'

const MESSAGE = 'spoe-message m\nevent on-frontend-http-request'

describe.each(HAPROXY_VERSIONS)('under steady requests with HAProxy %s', (version) => {
  it('a reload of HAProxy fails none of them', async () => {
    const pair = await startPair({
      version,
      agent: {
        messages: {
          m: echoPath(() => new Promise((resolve) => setTimeout(resolve, 1))),
        },
      },
      messages: 'spoe-message m\nargs path=path\nevent on-frontend-http-request',
      web: expose('txn.demo.path'),
      threads: 2,
      masterWorker: true,
    })
    onTestFinished(() => pair.stop())

    let reloading = true
    const reloads = (async () => {
      for (let i = 0; i < 2; i++) await pair.reload()
      reloading = false
    })()
    const wrong: string[] = []
    let requests = 0
    await inParallel(6, 6, async (i) => {
      for (let j = 0; reloading || j < 50; j++) {
        const { headers } = await pair.get(`/${i}/${j}`)
        requests++
        if (headers['x-txn-demo-path'] !== `/${i}/${j}`) wrong.push(JSON.stringify(headers))
      }
    })
    await reloads
    expect(wrong).toEqual([])
    expect(requests).toBeGreaterThanOrEqual(300)
    expect(pair.events().filter(({ status }) => status !== 0)).toEqual([])
    expect(pair.agent.counters).toMatchObject({ protocolErrors: 0, acksDropped: 0 })
    expect(pair.errors).toEqual([])
  })

  it.each(['TCP', 'a UNIX socket'])(
    'an agent that is killed and started again on %s recovers by itself',
    async (kind) => {
      const folder = newFolder()
      onTestFinished(() => removeFolder(folder))
      const address = kind === 'TCP' ? `tcp://127.0.0.1:${await reservePort()}` : `unix://${join(folder, 'agent.sock')}`
      const startChild = (): ManagedProcess => {
        const child = new ManagedProcess({
          name: 'agent',
          command: process.execPath,
          args: [join(ROOT, 'test/support/spoe-child.ts'), address],
          logFile: join(folder, 'agent.log'),
        })
        onTestFinished(() => child.stop())
        return child
      }
      const first = startChild()
      const spoe = await startSpoe({
        version,
        agents: [address],
        messages: MESSAGE,
        web: expose('txn.demo.pid', 'txn.demo.error'),
        // Without checks, HAProxy up to 3.0 tries for the whole of `timeout processing` to connect to nobody.
        check: 'inter 100ms fall 1 rise 1',
        processingTimeout: '3s',
      })
      onTestFinished(() => spoe.stop())
      const answer = async (): Promise<string | undefined> => (await spoe.get('/')).headers['x-txn-demo-pid']
      await waitUntil(
        'the first agent',
        async () => (await spoe.serversUp()) === 1 && (await answer()) !== undefined,
        first,
      )
      expect(await answer()).toBe(String(first.pid))

      first.signal('SIGKILL')
      await first.exited
      await waitUntil('HAProxy to notice', async () => (await spoe.serversUp()) === 0)
      for (let i = 0; i < 3; i++) {
        const { status, headers } = await spoe.get('/')
        expect(status).toBe(200)
        expect(headers).not.toHaveProperty('x-txn-demo-pid')
        // No server: 2 up to 3.0, 257 since.
        expect(headers['x-txn-demo-error']).toBe(version === '3.2' ? '257' : '2')
      }

      const second = startChild()
      await waitUntil('the second agent', async () => (await spoe.serversUp()) === 1, second)
      const later = spoe.events().length
      for (let i = 0; i < 20; i++) expect(await answer()).toBe(String(second.pid))
      expect(
        spoe
          .events()
          .slice(later)
          .every(({ status }) => status === 0),
      ).toBe(true)
    },
  )
})
