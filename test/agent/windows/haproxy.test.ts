import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { DecisionCounters } from '../../../agent/counters.ts'
import type { Command, WorkflowAction } from '../../../agent/dispatch/command.ts'
import type { WindowSummary } from '../../../agent/messages.ts'
import { outcomeHandler } from '../../../agent/outcome.ts'
import { Windows } from '../../../agent/windows/windows.ts'
import { message } from '../../../node-spoe/src/index.ts'
import { HAPROXY_VERSIONS } from '../../support/edge.ts'
import { shipped } from '../../support/shipped-files.ts'
import { type Pair, startPair } from '../../support/spoe.ts'

/** Bounds a wait that would otherwise never end; nothing is measured by it. */
const EVENTUALLY = { timeout: 20_000, interval: 20 }
const KEY = 'Zürich'
const LARGE = 300_000

/** The message that is shipped, word for word. */
const OUTCOME = `spoe-message outcome${/spoe-message outcome(\n[^]*?)\n\n/.exec(shipped('spoe.conf'))?.[1]}\n`

let origin: Server
beforeAll(async () => {
  origin = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (head) => answer(socket, String(head).split(' ')[1] ?? ''))
  })
  await once(origin.listen(0, '127.0.0.1'), 'listening')
})
afterAll(() => void origin.close())

function answer(socket: Socket, path: string): void {
  const large = 'x'.repeat(LARGE)
  const answers: Record<string, string> = {
    '/length': `HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n${large}`,
    '/not-modified': 'HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n',
    '/broken': 'HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops',
  }
  // Neither ends in a response: one closes, one says what is none.
  socket.end(path === '/closed' ? '' : (answers[path] ?? 'no HTTP\r\n\r\n'))
}

describe.each(HAPROXY_VERSIONS)('with HAProxy %s', (version) => {
  let pair: Pair
  const commands: Command[] = []
  const windows = new Windows({ emit: (command) => commands.push(command), agent: 'a' })
  const action: WorkflowAction = {
    kind: 'window',
    rule: 'api',
    workflowType: 'trafficWindow',
    taskQueue: 'edge',
    delivery: 'memory',
  }
  windows.use([{ action, everyMs: 3_600_000 }])

  beforeAll(async () => {
    const { port } = origin.address() as AddressInfo
    pair = await startPair({
      version,
      name: 'temporal',
      messages: `spoe-message check\n    args path=path\n    event on-frontend-http-request\n${OUTCOME}`,
      options: 'option continue-on-error',
      web: 'use_backend away if { path /away }\nuse_backend raw',
      sections: `
backend raw
server raw1 127.0.0.1:${port}
backend away
retries 0
server away1 127.0.0.1:1`,
      agent: {
        varPrefix: 'temporal',
        messages: {
          check: message({
            args: {},
            handle(_, reply) {
              reply.setVar('txn', 'rule', 'api')
              reply.setVar('txn', 'wkey', KEY)
              // Ten seconds ago, by the agent's own clock.
              reply.setVar('txn', 'at', Date.now() - 10_000)
              windows.begin('api', KEY)
            },
          }),
          outcome: outcomeHandler(new DecisionCounters([{ name: 'api' }]), windows),
        },
      },
    })
  }, 60_000)
  afterAll(() => pair?.stop())

  /** What the requests came to; waits for as many outcomes as servers have answered. */
  async function summaryOf(paths: readonly string[], answered: number): Promise<WindowSummary> {
    commands.length = 0
    const before = pair.agent.counters.messages
    const statuses = []
    for (const path of paths) statuses.push((await pair.get(path)).status)
    await vi.waitFor(() => {
      expect(pair.agent.counters.messages - before).toBe(paths.length + answered)
    }, EVENTUALLY)
    windows.flush()
    expect(commands.map(({ key }) => key)).toEqual([KEY])
    return commands[0]?.body as WindowSummary
  }

  test('what servers answer is counted, with key, server, latency and bytes', { timeout: 60_000 }, async () => {
    const summary = await summaryOf(['/length', '/not-modified', '/broken'], 3)
    expect(summary).toMatchObject({
      rule: 'api',
      key: KEY,
      begun: 3,
      requests: 3,
      statuses: { '2xx': 1, '3xx': 1, '5xx': 1 },
      errors: 1,
      // The length that is advertised, however little of it has come; nothing for a response that has no body.
      bytes: LARGE + 4,
      servers: { raw1: { requests: 3, errors: 1 } },
    })
    expect(summary.latencyMs.count).toBe(3)
    expect(summary.latencyMs.min).toBeGreaterThanOrEqual(10_000)
  })

  test('of what no server answers there is no outcome, only that it had begun', { timeout: 60_000 }, async () => {
    const summary = await summaryOf(['/away', '/closed', '/garbage', '/not-modified'], 1)
    expect(summary).toMatchObject({ begun: 4, requests: 1, statuses: { '3xx': 1 }, errors: 0 })
  })
})
