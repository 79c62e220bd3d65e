import { Agent as Connections } from 'node:http'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { message, type Reply, type VariableValue } from '../../../node-spoe/src/index.ts'
import { HAPROXY_VERSIONS } from '../../support/edge.ts'
import { type Pair, type SpoeRequest, startPair } from '../../support/spoe.ts'
import { expose } from '../../support/spoe-config.ts'

/** What is set, and what HAProxy shows: as text, as a number, its bytes, as a network. */
const VALUES: readonly (readonly [string, VariableValue, string, Readonly<Record<string, string>>])[] = [
  ['true', true, '1', { integer: '1', negated: '0' }],
  ['false', false, '0', { integer: '0', negated: '1' }],
  ['0', 0, '0', { integer: '0' }],
  ['-42', -42, '-42', { integer: '-42' }],
  ['2^53-1', Number.MAX_SAFE_INTEGER, '9007199254740991', {}],
  ['2^63-1', 2n ** 63n - 1n, '9223372036854775807', { hex: '7FFFFFFFFFFFFFFF' }],
  ['-2^63', -(2n ** 63n), '-9223372036854775808', { hex: '8000000000000000' }],
  ['a string', 'text', 'text', { hex: '74657874' }],
  ['an empty string', '', '', { hex: '' }],
  ['a string as UTF-8', 'caf\u00e9', Buffer.from('caf\u00e9').toString('latin1'), { hex: '636166C3A9' }],
  // HAProxy's binary has no text beyond its first zero byte.
  ['bytes', Buffer.from('00ff10', 'hex'), '', { hex: '00FF10' }],
  ['bytes of Latin-1', Buffer.from('caf\u00e9', 'latin1'), 'caf\u00e9', { hex: '636166E9' }],
  ['an IPv4 address', { ip: '192.0.2.10' }, '192.0.2.10', { network: '192.0.2.0', hex: 'C000020A' }],
  ['an IPv6 address', { ip: '2001:db8::1:2:3' }, '2001:db8::1:2:3', { network: '2001:db8::' }],
]

/** Where each scope can be set, and where it is read: `req` is gone by the time of the response. */
const SCOPES = {
  proc: { request: true, response: true, header: 'x-proc-demo-scoped' },
  sess: { request: true, response: true, header: 'x-sess-demo-scoped' },
  txn: { request: true, response: true, header: 'x-txn-demo-scoped' },
  req: { request: true, response: false, header: 'x-txn-seen-req' },
  res: { request: false, response: true, header: 'x-res-demo-scoped' },
} as const
type Scope = keyof typeof SCOPES
const SCOPE_NAMES = Object.keys(SCOPES) as Scope[]

const shown = (header: string, converter: string): string =>
  `http-after-response set-header x-${header} "%[var(txn.demo.v),${converter}]" if { var(txn.demo.v) -m found }`

describe.each(HAPROXY_VERSIONS)('the variables that HAProxy %s takes', (version) => {
  let pair: Pair
  let act: Partial<Record<'request' | 'response', (reply: Reply) => void>> = {}

  beforeAll(async () => {
    pair = await startPair({
      version,
      agent: {
        messages: {
          request: message({ args: {}, handle: (_view, reply) => act.request?.(reply) }),
          response: message({ args: {}, handle: (_view, reply) => act.response?.(reply) }),
        },
      },
      messages: `
spoe-message request
event on-frontend-http-request
spoe-message response
event on-http-response`,
      web: `
http-request set-var(txn.seen.req) var(req.demo.scoped)
${expose('txn.demo.v', 'txn.seen.req', 'proc.demo.unset', ...SCOPE_NAMES.map((scope) => `${scope}.demo.scoped`))}
${shown('integer', 'add(0)')}
${shown('negated', 'not')}
${shown('hex', 'hex')}
${shown('network', 'ipmask(24,32)')}
`,
    })
  })
  afterAll(() => pair?.stop())

  async function ask(actions: typeof act, request: SpoeRequest = {}): Promise<Record<string, string | undefined>> {
    act = actions
    const { status, headers } = await pair.get('/', request)
    expect(status).toBe(200)
    expect(pair.errors).toEqual([])
    return headers
  }

  it.each(VALUES)('can be %s', async (_, value, text, more) => {
    const headers = await ask({ request: (reply) => reply.setVar('txn', 'v', value) })
    const expected = Object.fromEntries(Object.entries(more).map(([header, shows]) => [`x-${header}`, shows]))
    expect(headers).toMatchObject({ 'x-txn-demo-v': text, ...expected })
  })

  it.each(SCOPE_NAMES)(
    'can have the scope %s, but "req" only before and "res" only after the server',
    async (scope) => {
      const { header, ...settable } = SCOPES[scope]
      const set = (reply: Reply): void => reply.setVar(scope, 'scoped', 'here')
      const unset = (reply: Reply): void => reply.unsetVar(scope, 'scoped')
      const setAndUnset = (reply: Reply): void => {
        set(reply)
        unset(reply)
      }
      expect((await ask({ request: set }))[header]).toBe(settable.request ? 'here' : undefined)
      expect((await ask({ request: unset, response: set }))[header]).toBe(settable.response ? 'here' : undefined)
      expect((await ask({ request: setAndUnset }))[header]).toBeUndefined()
      expect((await ask({ response: setAndUnset }))[header]).toBeUndefined()
      // The copy of `req` was made on the request.
      expect((await ask({ request: set, response: unset }))[header]).toBe(scope === 'req' ? 'here' : undefined)
    },
  )

  it('are set and unset in the order of the calls, across events', async () => {
    const headers = await ask({
      request(reply) {
        reply.setVar('txn', 'v', 'first')
        reply.unsetVar('txn', 'v')
        reply.setVar('txn', 'v', 'second')
        reply.setVar('txn', 'scoped', 'request')
      },
      response: (reply) => reply.setVar('txn', 'scoped', 'response'),
    })
    expect(headers).toMatchObject({ 'x-txn-demo-v': 'second', 'x-txn-demo-scoped': 'response' })
  })

  it('of the scope "txn" end with their request, "sess" goes on to the next of a keep-alive connection', async () => {
    const connections = new Connections({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => connections.destroy())
    const everywhere = (reply: Reply): void => {
      for (const scope of ['sess', 'txn', 'req'] as const) reply.setVar(scope, 'scoped', 'alice')
    }
    const first = await ask({ request: everywhere }, { connections })
    expect(first).toMatchObject({
      'x-sess-demo-scoped': 'alice',
      'x-txn-demo-scoped': 'alice',
      'x-txn-seen-req': 'alice',
    })
    const second = await ask({}, { connections })
    expect(second['x-sess-demo-scoped']).toBe('alice')
    expect(second).not.toHaveProperty('x-txn-demo-scoped')
    expect(second).not.toHaveProperty('x-txn-seen-req')
    expect(await ask({})).not.toHaveProperty('x-sess-demo-scoped')
  })

  it('of the scope "proc" outlive the connection', async () => {
    await ask({ request: (reply) => reply.setVar('proc', 'unset', 'stays') })
    expect(await ask({})).toMatchObject({ 'x-proc-demo-unset': 'stays' })
  })
})
