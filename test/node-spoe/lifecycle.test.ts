import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { agentWith, echo, shortFolder, slow } from './support/agents.ts'
import { plain } from './support/handlers.ts'
import { sleep } from './support/harness.ts'
import { peer, until } from './support/peer.ts'
import { hello, messageBytes, notify } from './support/wire.ts'

describe('an agent that is stopped', () => {
  test('by close() and then drain() is closed, and both say so', async () => {
    const agent = agentWith()
    await agent.listen('tcp://127.0.0.1:0')
    const closed = agent.close()
    await agent.drain()
    await closed
  })

  test.each(['close', 'drain'] as const)('by %s() while it begins to listen refuses to listen', async (stop) => {
    for (const address of ['tcp://127.0.0.1:0', 'tcp://localhost:0', `unix://${join(shortFolder(), 's')}`]) {
      const agent = agentWith()
      const listening = agent.listen(address).catch((error: unknown) => error)
      await agent[stop]()
      expect(await listening).toMatchObject({ code: 'ERR_SPOP_CLOSED' })
    }
  })

  test('at any moment of publishing a UNIX socket leaves no file', async () => {
    for (let wait = 0; wait < 30; wait++) {
      const folder = shortFolder()
      const agent = agentWith()
      const listening = agent.listen(`unix://${join(folder, 's')}`).catch(() => {})
      for (let i = 0; i < wait; i++) await new Promise((resolve) => setImmediate(resolve))
      await agent.close()
      await listening
      expect(readdirSync(folder)).toEqual([])
    }
  })

  test('within a handler calls no handler for the rest of the read', async () => {
    let handled = 0
    const agent = agentWith({
      messages: {
        stop: plain(() => {
          handled++
          void agent.close()
        }),
      },
    })
    const [address] = await agent.listen('tcp://127.0.0.1:0')
    const one = await peer(address!)
    const stop = notify([messageBytes('stop')])
    one.socket.write(Buffer.concat([hello(), stop, stop, stop]))
    await one.closed
    expect(handled).toBe(1)
  })
})

describe('listen', () => {
  test('closes what has connected to its first address when a later one fails', async () => {
    const agent = agentWith()
    const [kept] = await agent.listen('tcp://127.0.0.1:0')
    const friend = await peer(kept!)
    friend.socket.write(hello())
    await friend.frames(1)
    const taken = `unix://${join(shortFolder(), 'taken')}`
    await agentWith().listen(taken)
    // Whoever is quick enough is in before the second address fails.
    let early = 0
    for (let attempt = 0; attempt < 200 && early === 0; attempt++) {
      const path = join(shortFolder(), 's')
      const listening = agent.listen([`unix://${path}`, taken]).catch((error: unknown) => error)
      let over = false
      const knock = async (): Promise<void> => {
        const visitor = await peer(`unix://${path}`).catch(() => undefined)
        if (visitor !== undefined) {
          early++
          await visitor.closed
        } else if (!over) await knock()
      }
      const knocking = knock()
      expect(await listening).toMatchObject({ code: 'ERR_SPOP_ADDRESS_IN_USE' })
      over = true
      await knocking
    }
    expect(early).toBeGreaterThan(0)
    friend.socket.write(echo(1))
    await friend.frames(2)
  })

  test.each([
    { address: 'unix:///tmp/x', allow: ['127.0.0.1'] },
    { address: 'unix:///tmp/x', tls: {} },
    { address: 'tcp://127.0.0.1:0', mode: 0o600 },
  ])('refuses %j, whose parts do not go together', async (options) => {
    await expect(agentWith().listen(options)).rejects.toMatchObject({ code: 'ERR_SPOP_LISTEN' })
  })

  test('refuses an empty list', async () => {
    await expect(agentWith().listen([])).rejects.toMatchObject({ code: 'ERR_SPOP_ADDRESS' })
  })
})

describe('drain', () => {
  test.each([{ timeoutMs: Infinity }, { graceMs: 2 ** 31 }, { quietMs: Number.NaN }, { timeoutMs: -1 }])(
    'refuses %j instead of doing the opposite',
    (options) => {
      expect(() => agentWith().drain(options)).toThrow(expect.objectContaining({ code: 'ERR_SPOP_OPTION' }))
    },
  )

  test('waits for the rest of a NOTIFY that has begun', async () => {
    const agent = agentWith()
    const [address] = await agent.listen('tcp://127.0.0.1:0')
    const one = await peer(address!)
    one.socket.write(hello())
    await one.frames(1)
    const request = echo(1)
    one.socket.write(request.subarray(0, 8))
    await sleep(20)
    const drained = agent.drain({ quietMs: 10 })
    await sleep(100)
    one.socket.write(request.subarray(8))
    await drained
    expect((await one.frames(3)).map(({ type }) => type)).toEqual([101, 103, 102])
  })
})

test('a frame that does not end is cut off, one that ends late is not', async () => {
  const errors: unknown[] = []
  const agent = agentWith({ writeTimeoutMs: 900, onError: (error) => errors.push(error) })
  const [address] = await agent.listen('tcp://127.0.0.1:0')
  const endless = await peer(address!)
  const late = await peer(address!)
  for (const one of [endless, late]) {
    one.socket.write(hello())
    await one.frames(1)
    one.socket.write(echo(1).subarray(0, 6))
  }
  await sleep(100)
  late.socket.write(echo(1).subarray(6))
  await endless.closed
  late.socket.write(echo(2))
  await late.frames(3)
  expect(errors).toEqual([expect.objectContaining({ code: 'ERR_SPOP_SLOW_WRITER' })])
})

test('an onError that rejects does not end the process', async () => {
  const agent = agentWith({ onError: () => Promise.reject(new Error('of the logger')) as never })
  const [address] = await agent.listen('tcp://127.0.0.1:0')
  const one = await peer(address!)
  one.socket.write('GET / HTTP/1.1\r\n\r\n')
  await until(() => agent.counters.protocolErrors === 1)
  await sleep(20)
})

test('synchronous handlers are not refused for promises of others', async () => {
  const agent = agentWith({ maxInFlightPerConnection: 1 })
  const [address] = await agent.listen('tcp://127.0.0.1:0')
  const one = await peer(address!)
  one.socket.write(Buffer.concat([hello(), slow(100, 1), slow(100, 2)]))
  await one.frames(2)
  expect(agent.counters.overloadAnswers).toBe(1)
})
