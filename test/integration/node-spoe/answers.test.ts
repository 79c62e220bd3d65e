import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { message, type Reply } from '../../../node-spoe/src/index.ts'
import { HAPROXY_VERSIONS } from '../../support/edge.ts'
import { type Pair, startAgent, startPair, type TestAgent } from '../../support/spoe.ts'
import { expose } from '../../support/spoe-config.ts'

const MESSAGE = 'spoe-message m\nargs path=path\nevent on-frontend-http-request'
const never = new Promise<void>(() => {})
const fallback = (reply: Reply, cause: string): void => {
  reply.setVar('txn', 'cause', cause)
  reply.setVar('txn', 'message', reply.message)
}

describe.each(HAPROXY_VERSIONS)('when a handler does not answer, HAProxy %s', (version) => {
  let pair: Pair
  /** An engine of its own: a machine that stands still for longer than its deadline must not disturb the others. */
  let brief: TestAgent
  let late: Reply | undefined
  beforeAll(async () => {
    brief = await startAgent({
      messages: {
        b: message({
          args: { path: 'string' },
          handle(view, reply) {
            reply.setVar('txn', 'partial', true)
            late = reply
            return view.get('path') === '/brief/hangs' ? never : undefined
          },
        }),
      },
      varPrefix: 'brief',
      deadlineMs: 300,
      fallback,
    })
    pair = await startPair({
      version,
      agent: {
        messages: {
          m: message({
            args: { path: 'string' },
            handle(view, reply) {
              reply.setVar('txn', 'partial', true)
              const path = view.get('path')
              if (path === '/throws') throw new Error('as the test wants it')
              return path === '/rejects' ? Promise.reject(new Error('as the test wants it')) : undefined
            },
          }),
        },
        fallback,
      },
      messages: MESSAGE,
      engines: [
        {
          name: 'brief',
          agents: brief.addresses,
          messages: 'spoe-message b\nargs path=path\nevent on-frontend-http-request if { path_beg /brief }',
        },
      ],
      web: expose(
        ...['partial', 'cause', 'message', 'error'].flatMap((name) => [`txn.demo.${name}`, `txn.brief.${name}`]),
        'txn.brief.late',
      ),
    })
  })
  afterAll(async () => {
    await pair?.stop()
    await brief?.agent.close()
  })

  it.each(['/throws', '/rejects'])('gets the fallback alone on %s, cause "error"', async (path) => {
    const { handlerErrors } = pair.agent.counters
    const { headers } = await pair.get(path)
    expect(headers).toMatchObject({ 'x-txn-demo-cause': 'error', 'x-txn-demo-message': 'm' })
    expect(headers).not.toHaveProperty('x-txn-demo-partial')
    expect(headers).not.toHaveProperty('x-txn-demo-error')
    expect(pair.agent.counters.handlerErrors).toBe(handlerErrors + 1)
  })

  it('gets the fallback alone at the deadline, cause "deadline"', async () => {
    const { headers } = await pair.get('/brief/hangs')
    expect(headers).toMatchObject({ 'x-txn-brief-cause': 'deadline', 'x-txn-brief-message': 'b' })
    expect(headers).not.toHaveProperty('x-txn-brief-partial')
    expect(headers).not.toHaveProperty('x-txn-brief-error')
    expect(headers).toHaveProperty('x-txn-demo-partial')
    expect(brief.agent.counters.deadlineAnswers).toBeGreaterThanOrEqual(1)
  })

  it('gets nothing of what a handler sets after its deadline, neither in this request nor in the next', async () => {
    await pair.get('/brief/hangs')
    late?.setVar('txn', 'late', 'x')
    expect((await pair.get('/brief/works')).headers).not.toHaveProperty('x-txn-brief-late')
    expect(brief.agent.counters.lateVariables).toBe(1)
    expect(pair.events().filter(({ status }) => status !== 0)).toEqual([])
  })
})
