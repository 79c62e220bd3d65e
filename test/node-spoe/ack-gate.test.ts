import { describe, expect, test } from 'vitest'
import { message } from '../../node-spoe/src/index.ts'
import { AckWindow } from '../../node-spoe/src/ack-window.ts'
import { type Harness, harness, sleep } from './support/harness.ts'
import { hello, messageBytes, notify, typed } from './support/wire.ts'

const BUFSIZE = 16_384
const sized = message({
  args: { bytes: 'int' },
  handle: (view, reply) => reply.setVar('txn', 'v', 'x'.repeat(Number(view.get('bytes')))),
})
const ask = (bytes: number, id: number): Buffer => notify([messageBytes('sized', { bytes: typed.int64(bytes) })], id)

function agent(capabilities: string, options = {}): Harness {
  const h = harness({ messages: { sized }, deadlineMs: 60_000, ...options }, false)
  h.receive(hello({ capabilities: typed.string(capabilities) }))
  h.writes.length = 0
  return h
}

const sentBytes = (h: Harness): number => h.writes.reduce((sum, { length }) => sum + length, 0)

describe('answers that HAProxy 3.1 and later may not have read', () => {
  test('stay below its buffer together, and the others follow once it has asked for more', () => {
    const h = agent('pipelining')
    h.receive(Buffer.concat(Array.from({ length: 20 }, (_, i) => ask(1_000, i))))
    expect(h.sent()).toHaveLength(16)
    expect(sentBytes(h)).toBeLessThan(BUFSIZE)
    expect(h.counters.acksHeld).toBe(4)
    // Sixteen new ones: of at most 20 open, 16 must have been answered for HAProxy.
    h.receive(Buffer.concat(Array.from({ length: 16 }, (_, i) => ask(10, 100 + i))))
    expect(h.sent()).toHaveLength(36)
    expect(h.sent().map(({ streamId }) => Number(streamId))).toEqual([
      ...Array(20).keys(),
      ...Array.from({ length: 16 }, (_, i) => 100 + i),
    ])
  })

  test('follow after a while if nothing more is asked', async () => {
    const h = agent('pipelining', { deadlineMs: 200 })
    h.receive(Buffer.concat([ask(10_000, 1), ask(10_000, 2)]))
    expect(h.sent()).toHaveLength(1)
    await sleep(160)
    expect(h.acks().map((actions) => String(actions[0]?.[1]).length)).toEqual([10_000, 10_000])
  })

  test('go out empty rather than after their deadline', async () => {
    const h = agent('pipelining', { deadlineMs: 40 })
    h.receive(Buffer.concat(Array.from({ length: 20 }, (_, i) => ask(15_000, i))))
    await sleep(120)
    const answers = h.acks()
    expect(answers).toHaveLength(20)
    expect(answers.filter((actions) => actions.length === 0).length).toBeGreaterThan(10)
    expect(h.counters).toMatchObject({ acksHeld: 19, framesOut: 21 })
    expect(h.counters.deadlineAnswers).toBe(answers.filter((actions) => actions.length === 0).length)
  })

  test('never have to wait below 819 bytes', () => {
    const h = agent('pipelining')
    for (let round = 0; round < 50; round++) {
      h.receive(Buffer.concat(Array.from({ length: 20 }, (_, i) => ask(800, i))))
    }
    expect(h.sent()).toHaveLength(1_000)
    expect(h.counters.acksHeld).toBe(0)
  })

  test('that are late for their connection are counted as dropped', () => {
    const h = agent('pipelining')
    h.receive(Buffer.concat([ask(10_000, 1), ask(10_000, 2), ask(1, 3)]))
    h.session.lost()
    expect(h.counters.acksDropped).toBe(2)
  })

  test('are all sent before the connection is ended', () => {
    const h = agent('pipelining')
    h.receive(Buffer.concat([ask(10_000, 1), ask(10_000, 2), hello()]))
    expect(h.sent().map(({ type }) => type)).toEqual([103, 103, 102])
  })
})

test.each([
  ['HAProxy up to 3.0, which offers async', 'pipelining,async', {}],
  ['HAProxy that keeps one NOTIFY open, because it does not pipeline', '', {}],
  ['a larger tune.bufsize that the agent was told of', 'pipelining', { bufsize: 400_000 }],
])('nothing waits with %s', (_, capabilities, options) => {
  const h = agent(capabilities, options)
  for (let i = 0; i < 20; i++) h.receive(ask(16_000, i))
  expect(h.sent()).toHaveLength(20)
})

test('an ACK of exactly the offered size, which fills the buffer, is too big', () => {
  const h = agent('pipelining')
  // LEN is 13 more than the value: header 5, ids 2, set-var 3, name 2, type 1, length 3.
  h.receive(ask(16_380 - 16 - 1, 1))
  h.receive(ask(16_380 - 16, 2))
  expect(h.counters.oversizeAcks).toBe(1)
  expect(h.acks()[0]).toHaveLength(1)
})

test('what was written long ago counts as read, what was written a moment ago does not', () => {
  const window = new AckWindow(10)
  window.open(1_000, 'pipelining')
  window.tick(0)
  window.sent(900)
  for (const [now, fits] of [
    [5, false],
    [15, false],
    [19, false],
    [31, true],
  ] as const) {
    window.tick(now)
    expect(window.fits(200)).toBe(fits)
  }
})
