import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { ensureCertificates } from '../../agent/dev/certificates.ts'
import { agentWith, echo, shortFolder } from './support/agents.ts'
import { peer, until } from './support/peer.ts'
import { actions, frames, hello } from './support/wire.ts'

describe('listen', () => {
  test('answers on TCP, IPv6 and UNIX sockets, and gives the bound addresses in the form they were asked for', async () => {
    const path = join(shortFolder(), 'spop.sock')
    const bound = await agentWith().listen(['tcp://127.0.0.1:0', 'tcp://[::1]:0', `unix://${path}`])
    expect(bound).toEqual([
      expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/),
      expect.stringMatching(/^tcp:\/\/\[::1\]:[1-9]\d*$/),
      `unix://${path}`,
    ])
    for (const address of bound) {
      const one = await peer(address)
      one.socket.write(Buffer.concat([hello(), echo(1), echo(2)]))
      const sent = await one.frames(3)
      expect(sent.map(({ type, streamId }) => [type, streamId])).toEqual([
        [101, 0n],
        [103, 1n],
        [103, 2n],
      ])
      expect(actions(sent[2]!.payload)).toEqual([['set txn.n', 2n]])
    }
  })

  test.each([
    '',
    '127.0.0.1:9000',
    'tcp://127.0.0.1',
    'tcp://127.0.0.1:65536',
    'tcp://:1',
    'tcp://::1:1',
    'unix://relative',
    'http://a:1',
  ])('refuses the address "%s"', async (address) => {
    await expect(agentWith().listen(address)).rejects.toMatchObject({ code: 'ERR_SPOP_ADDRESS' })
  })

  test('leaves nothing open when one address of several fails', async () => {
    const agent = agentWith()
    const path = join(shortFolder(), 'spop.sock')
    await expect(agent.listen([`unix://${path}`, 'tcp://nonsense'])).rejects.toMatchObject({ code: 'ERR_SPOP_ADDRESS' })
    expect(existsSync(path)).toBe(false)
    await expect(agent.listen(`unix://${path}`)).resolves.toHaveLength(1)
  })

  test('an address in use is an error that says so', async () => {
    const [address] = await agentWith().listen('tcp://127.0.0.1:0')
    await expect(agentWith().listen(address!)).rejects.toMatchObject({ code: 'ERR_SPOP_ADDRESS_IN_USE' })
  })

  test('a UNIX socket that somebody listens on is an error and stays untouched', async () => {
    const address = `unix://${join(shortFolder(), 'spop.sock')}`
    await agentWith().listen(address)
    await expect(agentWith().listen(address)).rejects.toMatchObject({ code: 'ERR_SPOP_ADDRESS_IN_USE' })
    const one = await peer(address)
    one.socket.write(hello())
    await one.frames(1)
  })

  test('a stale UNIX socket file is replaced and removed on close', async () => {
    const path = join(shortFolder(), 'spop.sock')
    await leaveStaleSocket(path)
    expect(existsSync(path)).toBe(true)
    const agent = agentWith()
    await agent.listen(`unix://${path}`)
    const one = await peer(`unix://${path}`)
    one.socket.write(hello())
    await one.frames(1)
    await agent.close()
    expect(existsSync(path)).toBe(false)
  })

  test('a file that is no socket is never deleted', async () => {
    const path = join(shortFolder(), 'precious')
    writeFileSync(path, 'data')
    await expect(agentWith().listen(`unix://${path}`)).rejects.toMatchObject({ code: 'ERR_SPOP_ADDRESS_IN_USE' })
    expect(existsSync(path)).toBe(true)
  })

  test('is over after close', async () => {
    const agent = agentWith()
    await agent.close()
    await expect(agent.listen('tcp://127.0.0.1:0')).rejects.toMatchObject({ code: 'ERR_SPOP_CLOSED' })
  })
})

/** A socket file without a listener, as a killed process leaves it. */
async function leaveStaleSocket(path: string): Promise<void> {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  await new Promise((resolve) => spawn(process.execPath, ['-e', script]).once('exit', resolve))
}

describe('a UNIX socket', () => {
  test('has the mode asked for, and leaves no other name behind', async () => {
    const folder = shortFolder()
    const path = join(folder, 'spop.sock')
    const agent = agentWith()
    await agent.listen({ address: `unix://${path}`, mode: 0o640 })
    expect(statSync(path).mode & 0o777).toBe(0o640)
    expect(readdirSync(folder)).toEqual(['spop.sock'])
    await agent.close()
    expect(readdirSync(folder)).toEqual([])
  })

  test("of a successor stays when the predecessor's agent closes", async () => {
    const path = join(shortFolder(), 'spop.sock')
    const before = agentWith()
    await before.listen(`unix://${path}`)
    renameSync(path, `${path}.old`)
    const after = agentWith()
    await after.listen(`unix://${path}`)
    await before.close()
    const one = await peer(`unix://${path}`)
    one.socket.write(Buffer.concat([hello(), echo(5)]))
    expect(await one.frames(2)).toHaveLength(2)
  })

  test('with a path that the system would cut short is refused', async () => {
    const address = `unix:///tmp/${'x'.repeat(103)}`
    await expect(agentWith().listen(address)).rejects.toMatchObject({ code: 'ERR_SPOP_PATH' })
  })
})

describe('an allow-list', () => {
  test.each([
    [['127.0.0.1'], true],
    [['127.0.0.0/8', '2001:db8::/32'], true],
    [['10.0.0.0/8', '::1'], false],
    [[], false],
  ])('%j lets a peer on 127.0.0.1 in: %s', async (allow, welcome) => {
    const agent = agentWith({ refusalDelayMs: 20 })
    const [address] = await agent.listen({ address: 'tcp://127.0.0.1:0', allow })
    const one = await peer(address!)
    one.socket.write(hello())
    if (welcome) await one.frames(1)
    else await one.closed
    expect(one.received().length > 0).toBe(welcome)
    expect(agent.counters.peersRefused).toBe(welcome ? 0 : 1)
  })

  test('knows an IPv4 peer on an IPv6 socket by its IPv4 address', async () => {
    const agent = agentWith()
    const [address] = await agent.listen({ address: 'tcp://[::]:0', allow: ['127.0.0.1/32'] })
    const one = await peer(address!.replace('[::]', '127.0.0.1'))
    one.socket.write(hello())
    await one.frames(1)
  })

  test.each(['10.0.0.0/33', '10.0.0.0/', '::/129', 'localhost', '10.0.0.0/8/8', ''])('refuses "%s"', async (entry) => {
    const listen = agentWith().listen({ address: 'tcp://127.0.0.1:0', allow: [entry] })
    await expect(listen).rejects.toMatchObject({ code: 'ERR_SPOP_ALLOW' })
  })
})

describe('TLS', () => {
  test('carries the protocol, and counts what fails the handshake', async () => {
    const { ca, edge } = await ensureCertificates(shortFolder())
    const tls = { cert: readFileSync(edge), key: readFileSync(edge) }
    const agent = agentWith()
    const [address] = await agent.listen({ address: 'tcp://127.0.0.1:0', tls })
    const socket = connectTls({
      port: Number(address!.split(':')[2]),
      ca: readFileSync(ca),
      servername: 'localhost',
    })
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.write(Buffer.concat([hello(), echo(1), echo(2)]))
    await until(() => chunks.length > 0 && agent.counters.acks === 2)
    await until(() => frames(Buffer.concat(chunks)).length === 3)
    socket.destroy()

    const plain = await peer(address!)
    plain.socket.write(hello())
    await plain.closed
    await until(() => agent.counters.handshakeErrors === 1)
    expect(agent.counters).toMatchObject({ connectionsTotal: 1, protocolErrors: 0 })
  })

  test('a handshake that never ends counts as a connection, and does not hold up close()', async () => {
    const { edge } = await ensureCertificates(shortFolder())
    const tls = { cert: readFileSync(edge), key: readFileSync(edge) }
    const agent = agentWith({ maxConnections: 1, helloTimeoutMs: 600_000, refusalDelayMs: 0 })
    const [address] = await agent.listen({ address: 'tcp://127.0.0.1:0', tls })
    const silent = await peer(address!)
    const second = await peer(address!)
    await second.closed
    expect(agent.counters).toMatchObject({ connectionsRefused: 1, connections: 0 })
    await agent.close()
    await silent.closed
  })
})

describe('systemd', () => {
  test('sockets handed over are listened on, all or those of a name', async () => {
    for (const name of ['', 'spop']) {
      const held = await Promise.all([listening(), listening()])
      const [fdA, fdB] = held.map(({ fd }) => fd)
      const script = `
        const { createAgent } = await import('node-spoe')
        const agent = createAgent({ messages: {} })
        console.log(JSON.stringify(await agent.listen('systemd:${name}')))
        process.stdin.on('end', () => void agent.close()).resume()`
      // systemd names the process by its id, which exec keeps.
      const child = spawn(
        '/bin/sh',
        [
          '-c',
          'LISTEN_PID=$$ exec "$@"',
          'sh',
          process.execPath,
          '--conditions=node-spoe-source',
          '--input-type=module',
          '-e',
          script,
        ],
        {
          stdio: ['pipe', 'pipe', 'inherit', fdA, fdB],
          env: { ...process.env, LISTEN_FDS: '2', LISTEN_FDNAMES: 'other:spop' },
        },
      )
      let output = ''
      child.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()))
      await until(() => output.includes(']'))
      for (const { server } of held) server.close()
      const all = held.map(({ port }) => `tcp://127.0.0.1:${port}`)
      expect(JSON.parse(output)).toEqual(name === '' ? all : all.slice(1))
      const one = await peer(all[1]!)
      one.socket.write(hello())
      await one.frames(1)
      child.stdin!.end()
      await new Promise((resolve) => child.once('exit', resolve))
    }
  })

  test.each(['systemd:', 'systemd:spop'])('"%s" without any is an error that says what to do', async (address) => {
    const error = await agentWith()
      .listen(address)
      .catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_SPOP_SYSTEMD', message: expect.stringContaining('.socket unit') })
  })
})

async function listening(): Promise<{ server: ReturnType<typeof createServer>; port: number; fd: number }> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return { server, port, fd: (server as unknown as { _handle: { fd: number } })._handle.fd }
}
