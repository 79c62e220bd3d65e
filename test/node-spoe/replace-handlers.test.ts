import { describe, expect, expectTypeOf, test } from 'vitest'
import { createAgent, type Fallback, type Handlers, message, SpopError } from '../../node-spoe/src/index.ts'
import { readHandlers } from '../../node-spoe/src/options.ts'
import { turn } from './support/handlers.ts'
import { harness, sleep } from './support/harness.ts'
import { messageBytes, notify, typed } from './support/wire.ts'

/** Handlers that tell whose they are, at once or, as `late`, when the gate opens. */
function handlersOf(name: string, gate: Promise<void> = Promise.resolve()): Handlers {
  return {
    messages: {
      now: message({ args: {}, handle: (_, reply) => reply.setVar('txn', 'by', name) }),
      late: message({
        args: {},
        async handle(_, reply) {
          await gate
          reply.setVar('txn', 'by', name)
        },
      }),
      broken: message({
        args: {},
        handle() {
          throw new Error(name)
        },
      }),
    },
    fallback: (reply, cause) => reply.setVar('txn', 'refused', `${name} ${cause}`),
  }
}

const send = (agent: ReturnType<typeof harness>, ...names: readonly string[]): void =>
  agent.receive(notify(names.map((name) => messageBytes(name))))

describe('replaceHandlers', () => {
  test('holds from the next NOTIFY on, with its fallback', () => {
    const agent = harness(handlersOf('old'))
    send(agent, 'now')
    agent.context.dispatcher.replaceHandlers(handlersOf('new'))
    send(agent, 'now')
    send(agent, 'broken')
    expect(agent.acks()).toEqual([[['set txn.by', 'old']], [['set txn.by', 'new']], [['set txn.refused', 'new error']]])
  })

  test('a NOTIFY that waits keeps its handler to the end', async () => {
    const gate = Promise.withResolvers<void>()
    const agent = harness(handlersOf('old', gate.promise))
    send(agent, 'late')
    agent.context.dispatcher.replaceHandlers(handlersOf('new'))
    send(agent, 'now')
    gate.resolve()
    await turn()
    await turn()
    expect(agent.acks()).toEqual([[['set txn.by', 'new']], [['set txn.by', 'old']]])
  })

  test('a NOTIFY that waits keeps its fallback: at its deadline, and when it fails', async () => {
    const gate = Promise.withResolvers<void>()
    const agent = harness({ ...handlersOf('old', gate.promise), deadlineMs: 20 })
    send(agent, 'late')
    agent.context.dispatcher.replaceHandlers(handlersOf('new'))
    await sleep(60)
    const second = harness({ ...handlersOf('old', gate.promise) })
    send(second, 'late')
    second.context.dispatcher.replaceHandlers(handlersOf('new'))
    gate.reject(new Error('gone'))
    await turn()
    await turn()
    expect(agent.acks()).toEqual([[['set txn.refused', 'old deadline']]])
    expect(second.acks()).toEqual([[['set txn.refused', 'old error']]])
  })

  test('all messages of one NOTIFY meet handlers of one set, also when the first one replaces them', () => {
    const agent = harness({
      messages: {
        swap: message({
          args: {},
          handle: () => agent.context.dispatcher.replaceHandlers(handlersOf('new')),
        }),
        ...handlersOf('old').messages,
      },
    })
    send(agent, 'swap', 'now')
    send(agent, 'now')
    expect(agent.acks()).toEqual([[['set txn.by', 'old']], [['set txn.by', 'new']]])
  })

  test('other messages and other arguments may be declared', () => {
    const agent = harness(handlersOf('old'))
    const other = message({
      args: { b: 'string', a: 'string' },
      sync: true,
      handle: (view, reply) => reply.setVar('txn', 'a', `${view.get('a')} ${view.at(0) as string}`),
    })
    agent.context.dispatcher.replaceHandlers({ messages: { other }, fallback: undefined })
    agent.receive(notify([messageBytes('other', { a: typed.string('one'), b: typed.string('two') })]))
    send(agent, 'now')
    expect(agent.acks()).toEqual([[['set txn.a', 'one two']], []])
    expect(agent.counters.unknownMessages).toBe(1)
  })

  test('what is no set of handlers is refused, and the former ones stay', () => {
    const agent = createAgent(handlersOf('old'))
    const broken: unknown[] = [
      undefined,
      {},
      { messages: { check: {} } },
      { messages: {}, fallback: 'deny' },
      { messages: {}, deadlineMs: 3 },
      { messages: { check: { args: { a: 'text' }, handle() {} } } },
    ]
    for (const handlers of broken) {
      expect(() => agent.replaceHandlers(handlers as Handlers)).toThrow(SpopError)
      expect(() => readHandlers(handlers as Handlers)).toThrow(expect.objectContaining({ code: 'ERR_SPOP_OPTION' }))
    }
    const written: Buffer[] = []
    const session = agent.session({ write: (bytes) => written.push(bytes), close: () => {} })
    session.lost()
    expect(() => agent.replaceHandlers(handlersOf('new'))).not.toThrow()
  })

  test('its types are exported', () => {
    expectTypeOf<Handlers['fallback']>().toEqualTypeOf<Fallback | undefined>()
  })
})
