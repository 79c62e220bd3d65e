import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { waitUntil } from '../../../agent/dev/process.ts'
import { message } from '../../../node-spoe/src/index.ts'
import { echoPath } from '../../support/echo.ts'
import { HAPROXY_VERSIONS, inParallel } from '../../support/edge.ts'
import { forgotten, startPair } from '../../support/spoe.ts'
import { expose } from '../../support/spoe-config.ts'

const MESSAGE = 'spoe-message m\nargs path=path\nevent on-frontend-http-request'

describe.each(HAPROXY_VERSIONS)('an agent with more requests than it wants, HAProxy %s', (version) => {
  it('answers those above `maxInFlight` at once with the fallback, and the others as usual', async () => {
    const waiting: (() => void)[] = []
    const pair = await startPair({
      version,
      agent: {
        messages: {
          m: message({
            args: {},
            async handle(_view, reply) {
              await new Promise<void>((go) => waiting.push(go))
              reply.setVar('txn', 'done', true)
            },
          }),
        },
        maxInFlight: 5,
        fallback: (reply, cause) => reply.setVar('txn', 'cause', cause),
      },
      messages: MESSAGE,
      web: expose('txn.demo.cause', 'txn.demo.done', 'txn.demo.error'),
    })
    try {
      const requests = inParallel(20, 20, () => pair.get('/'))
      await waitUntil('the rest to be refused', async () => pair.agent.counters.overloadAnswers === 15)
      for (const go of waiting) go()
      const answers = await requests
      expect(answers.filter(({ headers }) => headers['x-txn-demo-cause'] === 'overload')).toHaveLength(15)
      expect(answers.filter(({ headers }) => headers['x-txn-demo-done'] === '1')).toHaveLength(5)
      expect(pair.agent.counters.inFlight).toBe(0)
    } finally {
      await pair.stop()
    }
  })

  it('answers a burst of 150 on fresh connections, one for each at most', async () => {
    const pair = await startPair({
      version,
      agent: {
        messages: {
          m: echoPath(),
        },
      },
      messages: MESSAGE,
      web: expose('txn.demo.path'),
    })
    try {
      const answers = await inParallel(150, 150, (i) => pair.get(`/${i}`))
      expect(answers.map(({ headers }) => headers['x-txn-demo-path'])).toEqual(answers.map((_, i) => `/${i}`))
      expect(pair.agent.counters.connectionsTotal).toBeLessThanOrEqual(150)
      expect(pair.errors).toEqual([])
    } finally {
      await pair.stop()
    }
  })

  it.each(['', 'no option pipelining'])(
    'answers every question that a HAProxy which stood still puts then, with "%s"',
    async (options) => {
      const asked = new Set<string>()
      const pair = await startPair({
        version,
        agent: { messages: { m: echoPath(async (path) => void asked.add(path)) } },
        options,
        messages: MESSAGE,
        processingTimeout: '3s',
        web: expose('txn.demo.path'),
      })
      try {
        // So many in a second that HAProxy up to 3.0 opens no connection for the next ones.
        for (let i = 0; i < 100; i++) await pair.get('/')
        // Then all of these at once, before the connections that are idle have their turn.
        pair.haproxy.signal('SIGSTOP')
        const paths = Array.from({ length: 10 }, (_, i) => `/${i}`)
        const requests = Promise.all(paths.map((path) => pair.get(path)))
        await sleep(200)
        pair.haproxy.signal('SIGCONT')
        const answers = await requests
        const lost = options === '' ? [] : forgotten(pair)
        expect(answers.map(({ headers }) => headers['x-txn-demo-path'])).toEqual(
          paths.map((path) => (asked.has(path) ? path : undefined)),
        )
        expect(paths.filter((path) => !asked.has(path))).toHaveLength(lost.length)
        expect(pair.events().filter(({ status }) => status !== 0)).toEqual(lost)
      } finally {
        await pair.stop()
      }
    },
  )

  it('that answers after `timeout processing` has lost that request (st=1), but not its connection', async () => {
    let finish: (() => void) | undefined
    const pair = await startPair({
      version,
      agent: {
        messages: {
          m: echoPath(async (path) => {
            if (path === '/late') await new Promise<void>((go) => (finish = go))
          }),
        },
      },
      messages: MESSAGE,
      processingTimeout: '1s',
      web: expose('txn.demo.path', 'txn.demo.error'),
    })
    try {
      const { headers } = await pair.get('/late')
      expect(headers).toMatchObject({ 'x-txn-demo-error': '1' })
      expect(headers).not.toHaveProperty('x-txn-demo-path')
      finish?.()
      await waitUntil('the late answer', async () => pair.agent.counters.acks === 1)
      for (let i = 0; i < 5; i++) expect((await pair.get(`/${i}`)).headers['x-txn-demo-path']).toBe(`/${i}`)
      expect(pair.errors).toEqual([])
    } finally {
      await pair.stop()
    }
  })
})
