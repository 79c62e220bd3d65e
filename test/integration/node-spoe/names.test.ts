import { connect } from 'node:net'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { message, type Reply, type Scope } from '../../../node-spoe/src/index.ts'
import { HAPROXY_VERSIONS } from '../../support/edge.ts'
import { newFolder, removeFolder } from '../../support/folder.ts'
import { type Pair, startAgent, startPair, type TestAgent } from '../../support/spoe.ts'

const LIMIT = 63
/** Names with which `scope.demo.name` is just short enough and just too long. */
const longest = (scope: Scope): string => 'n'.repeat(LIMIT - `${scope}.demo.`.length)
const tooLong = (scope: Scope): string => `${longest(scope)}n`

/** `req` has gone when the answer is written, so its values are copied. */
const lines = (['proc', 'sess', 'txn', 'req'] as const).flatMap((scope) => [
  `http-request set-var(txn.seen.${scope}_longest) var(${scope}.demo.${longest(scope)})`,
  `http-request set-var(txn.seen.${scope}_toolong) var(${scope}.demo.${tooLong(scope)})`,
])
const show = (name: string): string => `http-after-response set-header x-${name} %[var(txn.seen.${name})]`

describe.each(HAPROXY_VERSIONS)('names and sizes of variables with HAProxy %s', (version) => {
  let folder: string
  let pair: Pair
  /** Knows its prefix, which is as long as that of the other engine. */
  let strict: TestAgent
  let act: (reply: Reply) => void = () => {}
  const messages = { m: message({ args: {}, handle: (_view, reply) => act(reply) }) }

  beforeAll(async () => {
    folder = newFolder()
    const strictMessages = { s: message({ args: {}, handle: (_view, reply) => act(reply) }) }
    strict = await startAgent({ messages: strictMessages, varPrefix: 'sure' })
    pair = await startPair({
      version,
      // Without the prefix the library cannot know how long a name becomes.
      agent: { messages, varPrefix: undefined, fallback: (reply, cause) => reply.setVar('txn', 'cause', cause) },
      messages: 'spoe-message m\nevent on-frontend-http-request',
      engines: [{ name: 'sure', agents: strict.addresses, messages: 'spoe-message s\nevent on-frontend-http-request' }],
      global: `stats socket ${join(folder, 'admin.sock')} level admin`,
      web: `
${lines.join('\n')}
${['proc', 'sess', 'txn', 'req'].flatMap((scope) => [show(`${scope}_longest`), show(`${scope}_toolong`)]).join('\n')}
http-after-response set-header x-after %[var(txn.demo.after)]
http-after-response set-header x-cause %[var(txn.demo.cause)]
http-after-response set-header x-length %[var(txn.demo.long),length]
http-after-response set-header x-crc32 %[var(txn.demo.long),crc32]
`,
    })
  })
  afterAll(async () => {
    await pair?.stop()
    await strict?.agent.close()
    removeFolder(folder)
  })

  async function ask(handle: typeof act): Promise<Record<string, string | undefined>> {
    act = handle
    return (await pair.get('/')).headers
  }

  it.each(['proc', 'sess', 'txn', 'req'] as const)(
    'in the scope %s one byte above 63 is dropped, and the library that knows the prefix refuses exactly that',
    async (scope) => {
      const setBoth = (reply: Reply): void => {
        reply.setVar(scope, longest(scope), 'kept')
        reply.setVar(scope, tooLong(scope), 'dropped')
        reply.setVar('txn', 'after', 'good')
      }
      strict.errors.length = 0
      const headers = await ask(setBoth)
      expect(pair.errors).toEqual([])
      expect(headers[`x-${scope}_longest`]).toBe('kept')
      expect(headers[`x-${scope}_toolong`]).toBe('')
      expect(headers['x-after']).toBe('good')
      expect(strict.errors).toMatchObject([{ code: 'ERR_SPOP_VARIABLE_LENGTH' }])
    },
  )

  it('"proc" cannot be created: one that the configuration does not name is not there afterwards', async () => {
    await ask((reply) => {
      reply.setVar('proc', 'nameless', 'x')
      reply.setVar('proc', longest('proc'), 'named')
    })
    expect(await admin(`get var proc.demo.${longest('proc')}`)).toContain('value=<named>')
    expect(await admin('get var proc.demo.nameless')).toContain('not found')
  })

  // SID and FID take a byte each here, and `01 03 scope name type length` 12 bytes.
  const WHOLE_FRAME = 16_380 - 5 - 2 - (3 + 5 + 1 + 3)

  it('a value that nearly fills a frame arrives whole', async () => {
    const value = Buffer.from(Array.from({ length: WHOLE_FRAME - 4 }, (_, i) => 1 + (i % 255)))
    const headers = await ask((reply) => {
      reply.setVar('txn', 'long', value)
      expect(reply.overflows).toBe(false)
    })
    expect(headers).toMatchObject({ 'x-length': String(value.length), 'x-crc32': String(crc32(value)), 'x-cause': '' })
    expect(pair.events().filter(({ status }) => status !== 0)).toEqual([])
  })

  it('one that is larger than a frame is answered by the fallback, and the connection stays', async () => {
    const { oversizeAcks, connectionsTotal } = pair.agent.counters
    const headers = await ask((reply) => reply.setVar('txn', 'long', 'x'.repeat(WHOLE_FRAME + 1)))
    expect(headers).toMatchObject({ 'x-length': '', 'x-cause': 'error' })
    expect(pair.agent.counters).toMatchObject({ oversizeAcks: oversizeAcks + 1, connectionsTotal })
    expect(pair.events().filter(({ status }) => status !== 0)).toEqual([])
  })

  /** One command on HAProxy's runtime socket. */
  function admin(command: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(join(folder, 'admin.sock'))
      let answer = ''
      socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
      socket.once('error', reject)
      socket.once('end', () => resolve(answer))
      socket.write(`${command}\n`)
    })
  }
})
