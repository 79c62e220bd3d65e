import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { message } from '../../../node-spoe/src/index.ts'
import { HAPROXY_VERSIONS } from '../../support/edge.ts'
import { type Pair, startPair } from '../../support/spoe.ts'
import { expose, filterLine } from '../../support/spoe-config.ts'

/** Groups with the messages they send. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  'http-request': ['one', 'two'],
  'http-response': ['three'],
  'tcp-request': ['four'],
  'tcp-response': ['five', 'six', 'seven'],
  never: ['eight'],
}
const NAMES = Object.values(GROUPS).flat()

describe.each(HAPROXY_VERSIONS)('groups with HAProxy %s', (version) => {
  let pair: Pair
  let seen: string[] = []

  beforeAll(async () => {
    const recorder = message({
      args: { path: 'string' },
      handle(view, reply) {
        seen.push(view.name)
        reply.setVar('txn', view.name, view.get('path') ?? 'set')
      },
    })
    pair = await startPair({
      version,
      agent: { messages: Object.fromEntries(NAMES.map((name) => [name, recorder])) },
      messages: `
${NAMES.map((name) => `spoe-message ${name}\n${name === 'two' ? 'args path=path\n' : ''}`).join('\n')}
${Object.entries(GROUPS)
  .map(([group, names]) => `spoe-group ${group}\nmessages ${names.join(' ')}`)
  .join('\n')}`,
      web: `
http-request send-spoe-group demo http-request if { path_beg /ask }
http-request set-header x-before "%[var(txn.demo.two)]"
http-response send-spoe-group demo http-response if { status 200 } { var(txn.demo.one) -m found }
${expose(...NAMES.map((name) => `txn.demo.${name}`))}`,
      ports: ['TCP_PORT'],
      sections: `
listen tcp
mode tcp
bind "127.0.0.1:\${TCP_PORT}"
${filterLine()}
tcp-request inspect-delay 20s
tcp-request content send-spoe-group demo tcp-request if { req.len gt 0 }
tcp-request content accept if { var(txn.demo.four) -m found }
tcp-response inspect-delay 20s
tcp-response content send-spoe-group demo tcp-response if { res.len gt 0 }
tcp-response content accept if { var(txn.demo.seven) -m found }
server origin "127.0.0.1:\${ORIGIN_PORT}"
`,
    })
  })
  afterAll(() => pair?.stop())

  it('are sent by http-request and http-response where their conditions hold, as one NOTIFY each', async () => {
    seen = []
    const { notifies } = pair.agent.counters
    const { headers } = await pair.get('/ask')
    expect(seen).toEqual(['one', 'two', 'three'])
    expect(headers).toMatchObject({ 'x-txn-demo-one': 'set', 'x-txn-demo-two': '/ask', 'x-txn-demo-three': 'set' })
    expect(pair.agent.counters.notifies - notifies).toBe(2)
    const events = await pair.untilEvents((list) => list.length >= 2)
    expect(events.map(({ event, status }) => [event, status])).toEqual([
      ['http-request', 0],
      ['http-response', 0],
    ])
  })

  it('that no rule sends ask nobody', async () => {
    seen = []
    const { headers } = await pair.get('/other')
    expect(seen).toEqual([])
    expect(headers).not.toHaveProperty('x-txn-demo-one')
  })

  it('are sent by tcp-request content and tcp-response content', async () => {
    seen = []
    const socket = connect(pair.portOf('TCP_PORT'), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    // Keep-alive: 2.6 drops a response whose server has closed while tcp-response waits for the agent.
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const answer = await new Promise<string>((resolve, reject) => {
      socket.once('data', (chunk: Buffer) => resolve(chunk.toString('latin1')))
      socket.once('end', () => resolve('')).once('error', reject)
    })
    expect(answer).toMatch(/^HTTP\/1.. 200 /)
    expect(seen).toEqual(['four', 'five', 'six', 'seven'])
  })
})
