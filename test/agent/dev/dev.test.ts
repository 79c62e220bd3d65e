import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensureCertificates } from '../../../agent/dev/certificates.ts'
import { claimFolder } from '../../../agent/dev/claim.ts'
import { Cleanup } from '../../../agent/dev/cleanup.ts'
import { reservePorts, stackEnvironment } from '../../../agent/dev/environment.ts'
import { DEMO_AUDIENCE, startIdentityProvider } from '../../../agent/dev/identity-provider.ts'
import { reservePort } from '../../../agent/dev/ports.ts'
import { ManagedProcess, waitUntil } from '../../../agent/dev/process.ts'
import { toolVersion } from '../../../agent/dev/tools.ts'
import { UserError } from '../../../agent/errors.ts'
import { newFolder, removeFolder } from '../../support/folder.ts'

/** One that nobody has claimed, as {@link reservePort} would. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

let folder: string
beforeEach(() => {
  folder = newFolder()
})
afterEach(() => removeFolder(folder))

describe('a reserved port', () => {
  it('is given to nobody else', async () => {
    const port = await reservePort()
    expect(await reservePort(port)).not.toBe(port)
  })

  it('is the preferred one when that is free, and another one when it is taken', async () => {
    const taken = createServer()
    const port = await reservePort()
    await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve))
    expect(await reservePort(port)).not.toBe(port)
    await new Promise((resolve) => taken.close(resolve))
  })
})

describe('the ports of a stack', () => {
  it('are those that the environment names, where they are free; it tells which were not', async () => {
    const free = await freePort()
    const wanted = await reservePort()
    const env = { SPOP_PORT: String(free), EDGE_HTTPS: `0.0.0.0:${wanted}`, ADMIN_PORT: 'none' }
    const { ports, taken } = await reservePorts('fixed', env)
    expect(ports.spop).toBe(free)
    expect(taken).toContainEqual({ wanted, port: ports.https })
    const all = Object.values(ports)
    expect(new Set(all).size).toBe(all.length)
    expect((await reservePorts('free', env)).taken).toEqual([])
  })

  it('reach the configuration files through the environment', async () => {
    const { ports } = await reservePorts('free')
    const certificates = { ca: 'ca.pem', edge: 'edge.pem' }
    const env = stackEnvironment({
      ports,
      temporalAddress: 'temporal:7233',
      folder: 'data',
      certificates,
      spoe: '/etc/spoe.conf',
      env: { SPOP_DEADLINE: '9s' },
    })
    expect(env).toMatchObject({
      SPOP_PORT: String(ports.spop),
      EDGE_HTTPS: `127.0.0.1:${ports.https}`,
      OUTBOX_PATH: join(process.cwd(), 'data/outbox.db'),
      SPOE_CONF: '/etc/spoe.conf',
      SPOP_DEADLINE: '9s',
    })
  })
})

describe('a data folder', () => {
  it.runIf(process.platform === 'linux')('is claimed once, by whatever path', async () => {
    await claimFolder(join(folder, 'data'))
    symlinkSync('data', join(folder, 'link'))
    await expect(claimFolder(join(folder, 'link'))).rejects.toThrow('dev is already running in this folder')
    await claimFolder(join(folder, 'other'))
  })
})

describe('the version of a tool', () => {
  const tool = (body: string): string => {
    const file = join(folder, `tool-${body.length}`)
    writeFileSync(file, `#!/bin/sh\n${body}\n`, { mode: 0o755 })
    return file
  }

  it('is the one that it names, else its first line', () => {
    expect(toolVersion(tool('echo "HAProxy version 3.2.26-1 2026/10/14"'), '-v')).toBe('3.2.26-1')
    expect(toolVersion(tool('echo mine; echo more'), '-v')).toBe('mine')
  })

  it('of one that does not work or says nothing is an error for the user', () => {
    expect(() => toolVersion(tool('echo broken; exit 7'), '-v')).toThrow(/does not work: it ended with exit code 7/)
    expect(() => toolVersion(tool('exit 0'), '-v')).toThrow(/says nothing/)
    expect(() => toolVersion(join(folder, 'absent'), '-v')).toThrow(UserError)
  })
})

describe('a managed process', () => {
  const start = (script: string): ManagedProcess =>
    new ManagedProcess({ name: 'it', command: '/bin/sh', args: ['-c', script], logFile: join(folder, 'log') })

  it('ends when asked', async () => {
    const child = start('sleep 60')
    await child.stop()
    expect(child.end).toBe('ended with SIGTERM')
  })

  it('ends even when it is stopped (SIGSTOP)', async () => {
    const child = start('sleep 60')
    child.signal('SIGSTOP')
    await child.stop()
    expect(child.end).toBe('ended with SIGTERM')
  })

  it('tells why it could not be started', async () => {
    const child = new ManagedProcess({
      name: 'it',
      command: join(folder, 'absent'),
      args: [],
      logFile: join(folder, 'log'),
    })
    expect(await child.exited).toMatch(/could not be started|exit code 127/)
  })

  it('that ends too early fails the wait, with the end of its output', async () => {
    const child = start('echo no space left; exit 3')
    await expect(waitUntil('it to be ready', async () => false, child)).rejects.toThrow(
      /ended with exit code 3 before it was ready[^]*no space left/,
    )
  })
})

describe('the development certificates', () => {
  it('are made once, fit localhost, and keep their key private', async () => {
    const files = await ensureCertificates(folder)
    const edge = new X509Certificate(readFileSync(files.edge))
    expect(edge.verify(new X509Certificate(readFileSync(files.ca)).publicKey)).toBe(true)
    expect(edge.checkHost('localhost')).toBe('localhost')
    expect(edge.checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(statSync(files.edge).mode & 0o077).toBe(0)
    const before = readFileSync(files.edge, 'utf8')
    await ensureCertificates(folder)
    expect(readFileSync(files.edge, 'utf8')).toBe(before)
  })
})

describe('the development identity provider', () => {
  it('gives real access tokens with the claims of the client', async () => {
    const provider = await startIdentityProvider(0)
    const token = await provider.token('buyer', { scope: 'orders:write' })
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as object
    expect(claims).toMatchObject({
      iss: provider.issuer,
      aud: DEMO_AUDIENCE,
      sub: 'buyer',
      scope: 'orders:write',
      tenant: 'acme',
      roles: ['buyer'],
      plan: 'gold',
    })
    await expect(provider.token('viewer', { scope: 'orders:write' })).rejects.toThrow(/no token for viewer/)
    await provider.close()
  })
})

describe('cleaning up', () => {
  it('goes backwards, once, and past steps that fail', async () => {
    const done: string[] = []
    const cleanup = new Cleanup()
    cleanup.add(() => void done.push('first'))
    cleanup.add(() => {
      throw new Error('stuck')
    })
    cleanup.add(async () => void done.push('last'))
    await expect(cleanup.run()).rejects.toThrow('stuck')
    await expect(cleanup.run()).rejects.toThrow('stuck')
    expect(done).toEqual(['last', 'first'])
  })

  it('stops what is added while it runs, before whoever waits for it goes on', async () => {
    const done: string[] = []
    const cleanup = new Cleanup()
    cleanup.add(() => void done.push('first'))
    cleanup.add(async () => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      cleanup.add(() => void done.push(`late, stopping: ${cleanup.stopping}`))
      done.push('last')
    })
    expect(cleanup.stopping).toBe(false)
    cleanup.throwIfStopping()
    const running = cleanup.run()
    cleanup.add(() => void done.push('added at once'))
    expect(() => cleanup.throwIfStopping()).toThrow('stopped before it was ready')
    await running
    expect(done).toEqual(['added at once', 'last', 'late, stopping: true', 'first'])
  })

  it('stops what is added when it is over, and tells its errors to who asks', async () => {
    const done: string[] = []
    const cleanup = new Cleanup()
    await cleanup.run()
    cleanup.add(() => void done.push('late'))
    await cleanup.run()
    expect(done).toEqual(['late'])
    cleanup.add(() => {
      throw new Error('stuck')
    })
    cleanup.add(() => void done.push('later'))
    await expect(cleanup.run()).rejects.toThrow('stuck')
    expect(done).toEqual(['late', 'later'])
  })
})
