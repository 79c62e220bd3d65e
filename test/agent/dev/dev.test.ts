import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensureCertificates } from '../../../agent/dev/certificates.ts'
import { Cleanup } from '../../../agent/dev/cleanup.ts'
import { DEMO_AUDIENCE, startIdentityProvider } from '../../../agent/dev/identity-provider.ts'
import { reservePort } from '../../../agent/dev/ports.ts'
import { ManagedProcess, waitUntil } from '../../../agent/dev/process.ts'
import { newFolder, removeFolder } from '../../support/folder.ts'

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
      /ended with exit code 3 before it to be ready[^]*no space left/,
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
})
