import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { message } from '../../../node-spoe/src/index.ts'
import { HAPROXY_VERSIONS } from '../../support/edge.ts'
import { type Pair, startPair } from '../../support/spoe.ts'
import { expose, filterLine } from '../../support/spoe-config.ts'

/** In the order in which one request passes them. */
const EVENTS = [
  'on-client-session',
  'on-frontend-tcp-request',
  'on-frontend-http-request',
  'on-backend-tcp-request',
  'on-backend-http-request',
  'on-server-session',
  'on-tcp-response',
  'on-http-response',
] as const
const TCP_EVENTS = EVENTS.filter((event) => !event.includes('http'))
const variable = (event: string): string => event.replaceAll('-', '_')

describe.each(HAPROXY_VERSIONS)('the events of HAProxy %s', (version) => {
  let pair: Pair
  let seen: string[] = []

  beforeAll(async () => {
    const recorder = (name: string) =>
      message({
        args: { status: 'int' },
        handle(view, reply) {
          seen.push(view.name)
          reply.setVar('txn', variable(name), view.get('status') ?? 1)
        },
      })
    const conditional = message({ args: {}, handle: (view) => void seen.push(view.name) })
    pair = await startPair({
      version,
      agent: {
        messages: {
          ...Object.fromEntries(EVENTS.map((event) => [event, recorder(event)])),
          'if-yes': conditional,
          'unless-no': conditional,
          'if-found': conditional,
        },
      },
      messages: `
${EVENTS.map((event) => `spoe-message ${event}\n${event === 'on-http-response' ? 'args status=status\n' : ''}event ${event}`).join('\n')}
spoe-message if-yes
event on-frontend-http-request if { path_beg /yes }
spoe-message unless-no
acl no path_beg /no
event on-backend-http-request unless no
spoe-message if-found
event on-http-response if { status 404 }`,
      web: expose(...EVENTS.map((event) => `txn.demo.${variable(event)}`)),
      origin: 'http-request return status 404 if { path /missing }',
      ports: ['TCP_PORT', 'ECHO_PORT'],
      sections: `
frontend tcp
mode tcp
bind "127.0.0.1:\${TCP_PORT}"
${filterLine()}
default_backend tcp-origin

backend tcp-origin
mode tcp
server origin "127.0.0.1:\${ORIGIN_PORT}"
`,
    })
  })
  afterAll(() => pair?.stop())

  it('come in this order on one request, and what each sets is there at the end', async () => {
    seen = []
    const { headers } = await pair.get('/no')
    expect(seen).toEqual(EVENTS)
    const set = Object.fromEntries(
      EVENTS.map((event) => [`x-txn-demo-${event}`, event === 'on-http-response' ? '200' : '1']),
    )
    expect(headers).toMatchObject(set)
    const logged = await pair.untilEvents((events) => events.length >= EVENTS.length)
    expect(logged.map(({ event, status }) => [event, status])).toEqual(EVENTS.map((event) => [event, 0]))
  })

  it('come without those of HTTP on a TCP connection', async () => {
    seen = []
    const socket = connect(pair.portOf('TCP_PORT'), '127.0.0.1')
    socket.write('GET / HTTP/1.0\r\n\r\n')
    const answer = await new Promise<string>((resolve, reject) => {
      let text = ''
      socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
      socket.once('end', () => resolve(text)).once('error', reject)
    })
    expect(answer).toMatch(/^HTTP\/1.. 200 /)
    expect(seen).toEqual(TCP_EVENTS)
  })

  it.each([
    ['/yes', ['if-yes', 'unless-no']],
    ['/maybe', ['unless-no']],
    ['/no', []],
    ['/missing', ['unless-no', 'if-found']],
  ])('on %s come with those messages whose condition holds', async (path, expected) => {
    seen = []
    await pair.get(path)
    expect(seen.filter((name) => !name.startsWith('on-'))).toEqual(expected)
  })
})

describe.each(HAPROXY_VERSIONS)('the events of a filter in a backend of HAProxy %s', (version) => {
  it('begin where the backend was chosen', async () => {
    const seen: string[] = []
    const recorder = message({ args: {}, handle: (view) => void seen.push(view.name) })
    const pair = await startPair({
      version,
      agent: { messages: Object.fromEntries(EVENTS.map((event) => [event, recorder])) },
      messages: EVENTS.map((event) => `spoe-message ${event}\nevent ${event}`).join('\n'),
      filter: false,
      app: filterLine(),
    })
    onTestFinished(() => pair.stop())
    await pair.get('/')
    expect(seen).toEqual(EVENTS.slice(EVENTS.indexOf('on-backend-tcp-request')))
  })
})
