import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { KeyManager } from '../../../agent/identity/keys.ts'
import type { KeySourceConfig } from '../../../agent/identity/key-source.ts'
import { hang, startJwksServer, text, type JwksServer } from './support/jwks-server.ts'
import { FakeClock, memoryLog, until } from './support/provider.ts'
import { testKey } from './support/tokens.ts'

const first = testKey('ES256', 'one')
const second = testKey('ES256', 'two')
const clock = new FakeClock(1000)
const managers: KeyManager[] = []
let server: JwksServer
let log: ReturnType<typeof memoryLog>
let directory: string
let path: string

function manager(overrides: Partial<KeySourceConfig> = {}): KeyManager {
  const config = { name: 'corp', issuer: server.issuer, keysFile: path, ...overrides }
  const made = new KeyManager(config, { log, monotonicMs: clock.now })
  managers.push(made)
  return made
}

/** A file as an agent before this one left it. */
async function leave(changes: object = {}, mode = 0o600): Promise<void> {
  const fetchedAt = new Date(Date.now() - 600_000).toISOString()
  const file = { version: 1, issuer: server.issuer, fetchedAt, jwks: { keys: [first.jwk] }, ...changes }
  await writeFile(path, JSON.stringify(file), { mode })
  await chmod(path, mode)
}

const down = (): void => {
  server.answer('/.well-known/openid-configuration', text('', 503))
}

beforeEach(async () => {
  server = await startJwksServer()
  server.publish([first.jwk])
  log = memoryLog()
  directory = await mkdtemp(join(tmpdir(), 'keys-'))
  path = join(directory, 'corp.json')
})

afterEach(async () => {
  for (const each of managers.splice(0)) each.close()
  await server[Symbol.asyncDispose]()
  // A file may still be on its way to the disk.
  await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 })
})

describe('keysFile', () => {
  it('lets an agent that starts while its provider is down work with the keys of the one before', async () => {
    const before = manager()
    await before.refresh()
    await until(() => existsSync(path))
    before.close()
    down()
    const after = manager()
    after.start()
    await until(() => after.usable())
    expect(after.find('one', 'ES256')).toMatchObject([{ kid: 'one', id: idOf(before) }])
    await until(() => after.status().fetches.failed > 0)
    expect(after.status()).toMatchObject({ keys: 1, source: 'disk', stale: true, lastError: 'HTTP 503' })
  })

  it('serves before the network answers, and the network has the last word', async () => {
    await leave()
    server.answer('/jwks', hang)
    const keys = manager()
    keys.start()
    await until(() => keys.usable())
    expect(keys.status()).toMatchObject({ source: 'disk', fetches: { ok: 0, failed: 0 } })
    expect(keys.status().ageS).toBeCloseTo(600, -1)
    // Nobody knows yet whether the issuer has a new key.
    expect(keys.find('two', 'ES256')).toBe('keys_unavailable')
    keys.close()
    server.publish([second.jwk])
    const next = manager()
    next.start()
    await until(() => next.status().source === 'network')
    expect([next.find('one', 'ES256'), next.find('two', 'ES256')]).toMatchObject(['unknown_key', [{ kid: 'two' }]])
  })

  it('lets the first requests wait for the disk only', async () => {
    await leave()
    server.answer('/.well-known/openid-configuration', hang)
    const keys = manager()
    keys.start()
    await keys.awaitMissing('keys_unavailable')
    expect(keys.find('one', 'ES256')).toMatchObject([{ kid: 'one' }])
  })

  it('lets the first requests wait for the network where the disk has nothing', async () => {
    const keys = manager()
    keys.start()
    await keys.awaitMissing('keys_unavailable')
    expect(keys.find('one', 'ES256')).toMatchObject([{ kid: 'one' }])
  })

  it('keeps public keys only, for the owner only, and the kid and alg of each', async () => {
    server.publish([
      { ...first.jwk, x5c: ['x'], note: 'y' },
      { ...second.jwk, d: 'SECRET' },
    ])
    const keys = manager()
    await keys.refresh()
    await until(() => existsSync(path))
    const { kty, crv, x, y } = first.jwk
    const written = JSON.parse(await readFile(path, 'utf8')) as { fetchedAt: string }
    expect(written).toEqual({
      version: 1,
      issuer: server.issuer,
      fetchedAt: expect.any(String) as string,
      jwks: { keys: [{ kty, crv, x, y, kid: 'one', alg: 'ES256' }] },
    })
    expect(Math.abs(Date.now() - Date.parse(written.fetchedAt))).toBeLessThan(60_000)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(directory)).toEqual(['corp.json'])
  })

  it('is written again at each fetch, because its age counts', async () => {
    await leave()
    const before = await readFile(path, 'utf8')
    const keys = manager()
    await keys.refresh()
    await expect.poll(async () => readFile(path, 'utf8')).not.toBe(before)
  })

  it('that cannot be written is told once, and again in the status until it can', async () => {
    const keys = manager({ keysFile: join(directory, 'missing', 'corp.json') })
    await keys.refresh()
    await keys.refresh()
    await until(() => keys.status().fileError !== undefined)
    expect(keys.status()).toMatchObject({ keys: 1, fileError: 'keysFile cannot be written (ENOENT)' })
    await mkdir(join(directory, 'missing'))
    await keys.refresh()
    await until(() => keys.status().fileError === undefined)
    expect(log.lines.filter((line) => line.startsWith('keys are not kept on disk'))).toHaveLength(1)
  })
})

describe('a keysFile that is not to be trusted', () => {
  const ago = (ms: number): string => new Date(Date.now() - ms).toISOString()

  it.each<[string, object, string]>([
    ['of another issuer', { issuer: 'https://evil.example' }, 'holds keys of another issuer'],
    ['older than maxStale', { fetchedAt: ago(3_700_000) }, 'is too old'],
    ['from the future', { fetchedAt: ago(-3_600_000) }, 'was written in the future'],
  ])('%s is not used', async (_what, changes, reason) => {
    await leave(changes)
    down()
    const keys = manager()
    keys.start()
    await until(() => keys.status().fetches.failed > 0)
    expect(keys.usable()).toBe(false)
    expect(log.lines.join('\n')).toContain(`"reason":"${reason}"`)
    expect(existsSync(path)).toBe(true)
  })

  it('that others may write to is not used', async () => {
    await leave({}, 0o620)
    down()
    const keys = manager()
    keys.start()
    await until(() => keys.status().fetches.failed > 0)
    expect(keys.usable()).toBe(false)
    expect(log.lines.join('\n')).toContain('can be written by others')
  })

  it('serves as long as maxStale of its provider says, and never longer than a day', async () => {
    await leave({ fetchedAt: ago(23 * 3_600_000) })
    down()
    const keys = manager({ maxStaleMs: 7 * 86_400_000 })
    keys.start()
    await until(() => keys.usable())
    clock.advance(3_600_001)
    expect(keys.usable()).toBe(false)
  })

  it.each<[string, string]>([
    ['half a file', '{"version":1,'],
    ['no JSON', 'eyJSECRET'],
    ['another version', '{"version":2}'],
    [
      'no usable key',
      JSON.stringify({
        version: 1,
        issuer: 'ISSUER',
        fetchedAt: ago(0),
        jwks: { keys: [{ kty: 'oct', k: 'SECRET' }] },
      }),
    ],
  ])('because it is %s is set aside, and the next fetch writes a new one', async (_what, content) => {
    await writeFile(path, content.replace('ISSUER', server.issuer), { mode: 0o600 })
    const keys = manager()
    keys.start()
    await until(() => keys.status().source === 'network' && existsSync(path))
    expect((await readdir(directory)).toSorted()).toEqual(['corp.json', 'corp.json.corrupt'])
    expect(log.lines.join('\n')).toContain('is corrupt, set aside')
    expect(log.lines.join('\n')).not.toContain('SECRET')
  })

  it.each([
    ['a directory', () => mkdir(path)],
    ['a pipe', () => promisify(execFile)('mkfifo', [path])],
  ])('because it is %s is told, and keys are fetched', async (_what, make) => {
    await make()
    const keys = manager()
    keys.start()
    await until(() => keys.usable())
    expect(log.lines.join('\n')).toContain('is not a plain file')
  })

  it('because it is longer than a megabyte is left alone', async () => {
    await leave({ note: 'x'.repeat(1024 * 1024) })
    down()
    const keys = manager()
    keys.start()
    await until(() => keys.status().fetches.failed > 0)
    expect([keys.usable(), existsSync(path)]).toEqual([false, true])
  })
})

function idOf(keys: KeyManager): string {
  const found = keys.find('one', 'ES256')
  return typeof found === 'string' ? found : (found[0]?.id ?? '')
}
