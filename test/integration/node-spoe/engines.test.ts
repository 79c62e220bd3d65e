import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { message, type MessageHandler } from '../../../node-spoe/src/index.ts'
import { HAPROXY_VERSIONS } from '../../support/edge.ts'
import { newFolder, removeFolder } from '../../support/folder.ts'
import { type Spoe, startAgent, startSpoe, type TestAgent } from '../../support/spoe.ts'
import { expose } from '../../support/spoe-config.ts'

/** Says who answered. */
const says = (text: string): MessageHandler<{ path: 'string' }> =>
  message({
    args: { path: 'string' },
    handle: (view, reply) => reply.setVar('txn', view.name, `${text} ${view.get('path')}`),
  })
const config = (...names: readonly string[]): string =>
  names.map((name) => `spoe-message ${name}\nargs path=path\nevent on-frontend-http-request`).join('\n')

describe.each(HAPROXY_VERSIONS)('several engines, agents and messages with HAProxy %s', (version) => {
  let folder: string
  let agents: Record<'tcp' | 'unix' | 'both', TestAgent>
  let spoe: Spoe

  beforeAll(async () => {
    folder = newFolder()
    const socket = `unix://${join(folder, 'both.sock')}`
    agents = {
      tcp: await startAgent({ messages: { first: says('tcp'), second: says('tcp'), third: says('tcp') } }),
      unix: await startAgent({ messages: { first: says('unix') } }, `unix://${join(folder, 'unix.sock')}`),
      both: await startAgent({ messages: { first: says('both'), second: says('both') } }, [
        'tcp://127.0.0.1:0',
        socket,
      ]),
    }
    spoe = await startSpoe({
      version,
      agents: agents.tcp.addresses,
      // Nobody handles the last one.
      messages: config('first', 'second', 'third', 'unknown'),
      engines: [
        { name: 'other', agents: agents.unix.addresses, messages: config('first') },
        { name: 'shared', agents: agents.tcp.addresses, messages: config('second') },
        { name: 'both_tcp', agents: agents.both.addresses.slice(0, 1), messages: config('first') },
        { name: 'both_unix', agents: agents.both.addresses.slice(1), messages: config('second') },
      ],
      web: expose(
        ...['first', 'second', 'third', 'unknown'].map((name) => `txn.demo.${name}`),
        'txn.other.first',
        'txn.shared.second',
        'txn.both_tcp.first',
        'txn.both_unix.second',
      ),
    })
  })
  afterAll(async () => {
    await spoe?.stop()
    await Promise.all(Object.values(agents ?? {}).map(({ agent }) => agent.close()))
    removeFolder(folder)
  })

  it('all messages of an event come in one NOTIFY and share one answer, whether somebody handles them or not', async () => {
    const before = { ...agents.tcp.agent.counters }
    const { headers } = await spoe.get('/a')
    expect(headers).toMatchObject({
      'x-txn-demo-first': 'tcp /a',
      'x-txn-demo-second': 'tcp /a',
      'x-txn-demo-third': 'tcp /a',
    })
    expect(headers).not.toHaveProperty('x-txn-demo-unknown')
    const { notifies, messages, unknownMessages } = agents.tcp.agent.counters
    // One of this engine and one of "shared", which asks the same agent.
    expect(notifies - before.notifies).toBe(2)
    expect(messages - before.messages).toBe(4)
    expect(unknownMessages - before.unknownMessages).toBe(1)
  })

  it('each engine of a proxy sets its own variables, from another agent or from the same', async () => {
    const { headers } = await spoe.get('/b')
    expect(headers).toMatchObject({
      'x-txn-other-first': 'unix /b',
      'x-txn-shared-second': 'tcp /b',
    })
    const seen = new Set(spoe.events().map(({ agent }) => agent))
    expect(seen).toEqual(new Set(['demo-agent', 'other-agent', 'shared-agent', 'both_tcp-agent', 'both_unix-agent']))
  })

  it('one agent answers on a TCP and a UNIX socket at once', async () => {
    expect((await spoe.get('/c')).headers).toMatchObject({
      'x-txn-both-tcp-first': 'both /c',
      'x-txn-both-unix-second': 'both /c',
    })
  })

  it('nothing of all that was an error', () => {
    expect(spoe.events().filter(({ status }) => status !== 0)).toEqual([])
    expect(Object.values(agents).flatMap(({ errors }) => errors)).toEqual([])
  })
})
