import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ArgType, message } from '../../../node-spoe/src/index.ts'
import { HAPROXY_VERSIONS } from '../../support/edge.ts'
import { type Pair, type SpoeRequest, startPair } from '../../support/spoe.ts'

/** Argument, HAProxy's expression, the type a handler declares, and what it reads on a GET without any header. */
const ARGS: readonly (readonly [string, string, ArgType, unknown])[] = [
  ['yes', 'bool(true)', 'bool', true],
  ['no', 'ssl_fc', 'bool', false],
  ['zero', 'int(0)', 'int', 0],
  ['small', 'int(-42)', 'int', -42],
  ['safe', 'int(9007199254740991)', 'int', Number.MAX_SAFE_INTEGER],
  ['unsafe', 'int(9007199254740992)', 'int', 2n ** 53n],
  ['largest', 'int(9223372036854775807)', 'int', 2n ** 63n - 1n],
  ['least', 'int(-9223372036854775808)', 'int', -(2n ** 63n)],
  ['v4', 'ipv4(192.0.2.10)', 'ip', '192.0.2.10'],
  ['v6', 'ipv6(2001:db8::1)', 'ip', '2001:db8::1'],
  ['mapped', 'ipv6(::ffff:192.0.2.10)', 'ip', '192.0.2.10'],
  ['src', 'src', 'ip', '127.0.0.1'],
  ['text', 'str(plain)', 'string', 'plain'],
  ['nothing', 'str()', 'string', ''],
  ['bytes', 'bin(00ff10)', 'bytes', Buffer.from('00ff10', 'hex')],
  ['decoded', 'str(AP8Q),b64dec', 'bytes', Buffer.from('00ff10', 'hex')],
  ['method', 'method', 'string', 'GET'],
  ['path', 'path', 'string', '/'],
  ['header', 'req.hdr(x-header)', 'string', undefined],
  ['count', 'req.hdr_cnt(x-header)', 'int', 0],
]

const names = ARGS.map(([name]) => name)
const lines = ARGS.map(([name, expression]) => `args ${name}=${expression}`).join('\n')
const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))

describe.each(HAPROXY_VERSIONS)('the arguments that HAProxy %s sends', (version) => {
  let pair: Pair
  let typed: Record<string, unknown> = {}
  let any: Record<string, unknown> = {}
  let types: Record<string, number | undefined> = {}

  beforeAll(async () => {
    pair = await startPair({
      version,
      agent: {
        messages: {
          typed: message({
            args: Object.fromEntries<ArgType>(ARGS.map(([name, , type]) => [name, type])),
            handle(view) {
              typed = Object.fromEntries(names.map((name) => [name, view.get(name)]))
              types = Object.fromEntries(names.map((name) => [name, view.type(name)]))
            },
          }),
          any: message({
            args: Object.fromEntries<ArgType>([...names, ''].map((name) => [name, 'any'])),
            handle(view) {
              any = Object.fromEntries([...names, ''].map((name) => [name, view.get(name)]))
            },
          }),
        },
      },
      messages: `
spoe-message typed
${lines}
event on-frontend-http-request
spoe-message any
${lines}
args str(unnamed)
event on-frontend-http-request`,
      ...(hasIpv6 && { ports: ['BOTH_PORT'], web: 'bind ":::${BOTH_PORT}" v4v6' }),
    })
  })
  afterAll(() => pair?.stop())

  async function send(request: SpoeRequest = {}): Promise<void> {
    typed = any = types = {}
    await pair.get('/', request)
    expect(pair.errors).toEqual([])
  }

  it('arrive as declared, integers exact over all 64 bits', async () => {
    await send()
    expect(typed).toEqual(Object.fromEntries(ARGS.map(([name, , , value]) => [name, value])))
  })

  it('arrive the same with `any`, where a fetch that failed is null', async () => {
    await send()
    expect(any).toEqual({
      ...Object.fromEntries(ARGS.map(([name, , , value]) => [name, value ?? null])),
      '': 'unnamed',
    })
  })

  it('are of six types: every integer is INT64, a method a STRING, a failed fetch NULL', async () => {
    await send()
    expect(types).toEqual({
      yes: 1,
      no: 1,
      zero: 4,
      small: 4,
      safe: 4,
      unsafe: 4,
      largest: 4,
      least: 4,
      count: 4,
      v4: 6,
      src: 6,
      v6: 7,
      mapped: 7,
      text: 8,
      nothing: 8,
      method: 8,
      path: 8,
      bytes: 9,
      decoded: 9,
      header: 0,
    })
  })

  it.each(['PUT', 'OPTIONS', 'PROPFIND', 'M-SEARCH'])('name the method %s', async (method) => {
    await send({ method })
    expect(typed['method']).toBe(method)
  })

  it('carry header bytes as they came, one character per byte', async () => {
    const everyByte = Array.from({ length: 128 }, (_, i) => String.fromCharCode(i + 128)).join('')
    await send({ headers: { 'x-header': `caf\u00e9 ${everyByte}` } })
    expect(typed['header']).toBe(`caf\u00e9 ${everyByte}`)
    expect(any['header']).toBe(typed['header'])
  })

  it('tell an empty header from a missing one', async () => {
    await send({ headers: { 'x-header': '' } })
    expect(typed).toMatchObject({ header: '', count: 1 })
    expect(types['header']).toBe(8)
  })

  // A machine without IPv6 has nobody to come from there.
  if (!hasIpv6) return
  it('give an IPv4 client of a v4v6 bind, who comes as ::ffff:a.b.c.d, as IPv4', async () => {
    await send({ port: pair.portOf('BOTH_PORT') })
    expect(typed['src']).toBe('127.0.0.1')
    expect(types['src']).toBe(7)
    await send({ port: pair.portOf('BOTH_PORT'), host: '::1' })
    expect(typed['src']).toBe('::1')
  })
})
