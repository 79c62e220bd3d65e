import { describe, expect, it, onTestFinished } from 'vitest'
import { message } from '../../../node-spoe/src/index.ts'
import { HAPROXY_VERSIONS, inParallel } from '../../support/edge.ts'
import { forgotten, startPair } from '../../support/spoe.ts'
import { expose } from '../../support/spoe-config.ts'

const MESSAGE = 'spoe-message m\nevent on-frontend-http-request'

describe.each(HAPROXY_VERSIONS)('answers that fill a buffer of HAProxy %s', (version) => {
  it('are either whole or the fallback, and the connection goes on, up to the last byte of the frame size', async () => {
    let length = 0
    const pair = await startPair({
      version,
      agent: {
        messages: { m: message({ args: {}, handle: (_view, reply) => reply.setVar('txn', 'v', 'x'.repeat(length)) }) },
        fallback: (reply) => reply.setVar('txn', 'fallback', true),
      },
      messages: MESSAGE,
      processingTimeout: '2s',
      web: `${expose('txn.demo.fallback')}\nhttp-after-response set-header x-length %[var(txn.demo.v),length]`,
    })
    onTestFinished(() => pair.stop())
    // `LEN` is 16 bytes more; HAProxy offers 16380.
    for (length = 16_356; length <= 16_366; length++) {
      const { headers } = await pair.get('/')
      if (headers['x-txn-demo-fallback'] === undefined) expect(headers['x-length']).toBe(String(length))
    }
    expect(pair.events().filter(({ status }) => status !== 0)).toEqual([])
  })

  it('together, not one by one, leave the connection working', async () => {
    const AT_ONCE = 16
    let waiting: (() => void)[] = []
    let hold = false
    const pair = await startPair({
      version,
      agent: {
        messages: {
          m: message({
            args: {},
            async handle(_view, reply) {
              if (hold) {
                await new Promise<void>((go) => {
                  waiting.push(go)
                  if (waiting.length === AT_ONCE) for (const each of waiting.splice(0)) each()
                })
              }
              reply.setVar('txn', 'v', 'x'.repeat(2000))
            },
          }),
        },
      },
      messages: MESSAGE,
      processingTimeout: '2s',
      web: 'http-after-response set-header x-length %[var(txn.demo.v),length]',
    })
    onTestFinished(() => pair.stop())
    await pair.get('/')
    hold = true
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => pair.get('/')))
    hold = false
    answers.push(await pair.get('/'))
    expect(answers.map(({ headers }) => headers['x-length'])).toEqual(answers.map(() => '2000'))
  })

  it.each([
    [900, ''],
    [2_000, ''],
    // Answers of nearly a buffer each: HAProxy should not ask twice before it has read one.
    [15_000, 'no option pipelining'],
  ])('of up to %i bytes from many clients at once all arrive, with "%s"', async (most, options) => {
    const asked = new Set<string>()
    const pair = await startPair({
      version,
      agent: {
        messages: {
          m: message({
            args: { length: 'string', number: 'string' },
            async handle(view, reply) {
              asked.add(String(view.get('number')))
              const length = Number(view.get('length'))
              if (length % 3 === 0) await new Promise((go) => setTimeout(go, length % 5))
              reply.setVar('txn', 'v', 'x'.repeat(length))
            },
          }),
        },
      },
      options,
      messages: `spoe-message m
args length=req.hdr(x-want) number=req.hdr(x-number)
event on-frontend-http-request`,
      processingTimeout: '3s',
      web: 'http-after-response set-header x-length %[var(txn.demo.v),length]',
    })
    onTestFinished(() => pair.stop())
    const wanted = Array.from({ length: 600 }, (_, i) => String(most - (i % 97)))
    const got = await inParallel(wanted.length, 30, async (i) => {
      const { headers } = await pair.get('/', { headers: { 'x-want': wanted[i]!, 'x-number': String(i) } })
      return headers['x-length']
    })
    const lost = options === 'no option pipelining' ? forgotten(pair) : []
    expect(got).toEqual(wanted.map((length, i) => (asked.has(String(i)) ? length : '')))
    expect(wanted.length - asked.size).toBe(lost.length)
    expect(pair.events().filter(({ status }) => status !== 0)).toEqual(lost)
  })
})
