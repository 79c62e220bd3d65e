import type { IncomingMessage, ServerResponse } from 'node:http'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parseEntry } from '../../../../agent/identity/revocation/entry.ts'
import { FileSource } from '../../../../agent/identity/revocation/file-source.ts'
import { PollSource } from '../../../../agent/identity/revocation/poll-source.ts'
import { Revocations } from '../../../../agent/identity/revocation/revocations.ts'
import { tempFolder } from '../../../support/folder.ts'
import { serveHttp } from '../../../support/local-server.ts'
import { startConnectProxy } from '../support/connect-proxy.ts'
import { makeCertificates, startHttpsServer } from '../support/https-server.ts'
import { FakeClock, memoryLog, until } from '../support/provider.ts'
import { DIGEST, identity, LATER, NOW_S, revocationsAt } from './support.ts'

const line = (jti: string): string => `${JSON.stringify({ jti, until: LATER })}\n`
const clockNow = (): FakeClock => new FakeClock(NOW_S * 1000)

describe('revocations', () => {
  it('are none without settings, and hold nobody up', () => {
    const revocations = revocationsAt(clockNow())
    expect(revocations.ready()).toBe(true)
    expect(revocations.check(identity())).toBeUndefined()
    expect(revocations.isRevoked(identity())).toBe(false)
  })

  it('X5: an identity that a cache keeps is refused from the very next request on', () => {
    const revocations = revocationsAt(clockNow())
    // The cache gives the same frozen object to every request.
    const cached = identity()
    expect(revocations.check(cached)).toBeUndefined()
    revocations.add({ token: DIGEST, until: LATER }, { source: 'admin' })
    expect(revocations.check(cached)).toBe('revoked')
    expect(revocations.status()).toMatchObject({ entries: 1, hits: 1, unavailable: 0 })
  })

  it('are taken back by whoever added them', () => {
    const revocations = revocationsAt(clockNow())
    revocations.add({ subject: 'ann', until: LATER }, { source: 'workflow' })
    expect(revocations.remove({ subject: 'ann', until: LATER }, { source: 'admin' })).toBe(false)
    expect(revocations.isRevoked(identity())).toBe(true)
    expect(revocations.remove({ subject: 'ann', until: LATER }, { source: 'workflow' })).toBe(true)
    expect(revocations.isRevoked(identity())).toBe(false)
  })

  it('are bounded over all sources, and count what had no room', () => {
    const revocations = revocationsAt(clockNow(), { maxEntries: 2 })
    expect(revocations.add({ jti: 'a', until: LATER }, { source: 'admin' })).toBe(true)
    expect(revocations.add({ jti: 'b', until: LATER }, { source: 'workflow' })).toBe(true)
    expect(revocations.add({ jti: 'c', until: LATER }, { source: 'workflow' })).toBe(false)
    const { entries, sources } = revocations.status()
    expect(entries).toBe(2)
    expect(sources.find(({ source }) => source === 'workflow')?.fetches).toEqual({ ok: 1, failed: 1 })
  })

  it('make room when they are over', async () => {
    const clock = clockNow()
    const revocations = revocationsAt(clock, { maxEntries: 5000 })
    for (let i = 0; i < 5000; i++) revocations.add({ jti: `${i}`, until: LATER }, { source: 'admin' })
    clock.ms = LATER * 1000
    await Promise.all([revocations.sweep(), revocations.sweep()])
    expect(revocations.status().entries).toBe(0)
  })

  it('are not forgotten because the clock was ahead for a while', async () => {
    const [clock, monotonic] = [clockNow(), clockNow()]
    const revocations = new Revocations(undefined, { log: memoryLog(), now: clock.now, monotonicMs: monotonic.now })
    revocations.add({ jti: 'jti-1', until: LATER }, { source: 'admin' })
    clock.advance(30 * 86_400_000)
    await revocations.sweep()
    clock.advance(-30 * 86_400_000)
    expect(revocations.check(identity())).toBe('revoked')
  })

  it('refuse an entry that is none', () => {
    const revocations = revocationsAt(clockNow())
    expect(() => revocations.add({ until: LATER }, { source: 'admin' })).toThrow('names one of')
  })
})

describe('revocations from a file', () => {
  function source(path: string, room = 1000, log = memoryLog()) {
    const clock = clockNow()
    const made = new FileSource({ path, log, now: clock.now, monotonicMs: clock.now, room: () => room, pollMs: 5 })
    onTestFinished(() => made.close())
    return made
  }

  it('follow the file, also when another one takes its place', async () => {
    const path = join(tempFolder(), 'revoked.jsonl')
    writeFileSync(path, line('other'))
    const file = source(path)
    file.start()
    await until(() => file.usable())
    expect(file.has(identity(), NOW_S * 1000)).toBe(false)
    writeFileSync(`${path}.new`, line('other') + line('jti-1'))
    renameSync(`${path}.new`, path)
    await until(() => file.has(identity(), NOW_S * 1000))
    expect(file.status()).toMatchObject({ source: 'file', entries: 2, ageS: 0, fetches: { ok: 2, failed: 0 } })
  })

  it('stay as they were while the file has a bad line, is too long or is gone, and the status says why', async () => {
    const log = memoryLog()
    const path = join(tempFolder(), 'revoked.jsonl')
    writeFileSync(path, line('jti-1'))
    const file = source(path, 3, log)
    file.start()
    await until(() => file.usable())
    for (const [text, told] of [
      [`${line('other')}hunter2\n`, 'line 2: not JSON'],
      [['a', 'b', 'c', 'd'].map(line).join(''), 'more than 3 entries'],
    ] as const) {
      writeFileSync(path, text)
      await until(() => file.status().lastError === told)
      expect(file.has(identity(), NOW_S * 1000)).toBe(true)
    }
    rmSync(path)
    await until(() => file.status().lastError === 'cannot be read (ENOENT)')
    expect(file.has(identity(), NOW_S * 1000)).toBe(true)
    expect(file.status().fetches).toEqual({ ok: 1, failed: 2 })
    expect(log.lines.join('\n')).not.toContain('hunter2')
    writeFileSync(path, line('new'))
    await until(() => file.status().lastError === undefined)
    expect(file.has(identity(), NOW_S * 1000)).toBe(false)
  })

  it('are read again once there is room for them, though the file is the same', async () => {
    const clock = clockNow()
    const path = join(tempFolder(), 'revoked.jsonl')
    writeFileSync(path, line('jti-1') + line('other'))
    const revocations = revocationsAt(clock, { maxEntries: 2, file: path })
    const soon = NOW_S + 60
    revocations.add({ jti: 'admin', until: soon }, { source: 'admin' })
    revocations.start()
    const file = () => revocations.status().sources.find(({ source }) => source === 'file')
    await until(() => file()?.lastError === 'more than 1 entries')
    clock.advance(61_000)
    // Drops what is over, and then looks.
    await revocations.sweep()
    await revocations.sweep()
    await until(() => file()?.entries === 2)
    expect(revocations.check(identity())).toBe('revoked')
    expect(file()?.lastError).toBeUndefined()
  })

  it('leave out what is over already', async () => {
    const path = join(tempFolder(), 'revoked.jsonl')
    writeFileSync(path, `{"jti":"old","until":${NOW_S}}\n${line('jti-1')}`)
    const file = source(path)
    file.start()
    await until(() => file.usable())
    expect(file.entries).toBe(1)
  })

  it.each(['deny', 'ignore'] as const)('that was never read: onUnavailable %s', async (onUnavailable) => {
    const path = join(tempFolder(), 'revoked.jsonl')
    const revocations = revocationsAt(clockNow(), { file: path, onUnavailable })
    revocations.start()
    await until(() => revocations.status().sources[0]?.lastError !== undefined)
    expect(revocations.ready()).toBe(onUnavailable === 'ignore')
    expect(revocations.check(identity())).toBe(onUnavailable === 'ignore' ? undefined : 'revocation_unavailable')
    expect(revocations.isRevoked(identity())).toBe(onUnavailable === 'deny')
    expect(revocations.status().unavailable).toBe(onUnavailable === 'ignore' ? 0 : 2)
  })
})

interface Asked {
  readonly headers: IncomingMessage['headers']
}

async function listServer(answer: (request: Asked, response: ServerResponse) => void) {
  const asked: Asked[] = []
  const port = await serveHttp((request, response) => {
    asked.push({ headers: request.headers })
    answer(request, response)
  })
  return { asked, url: `http://127.0.0.1:${port}/revoked` }
}

const POLL = { every: 30_000, timeout: 2000, maxAge: 600_000, maxBytes: 100_000 }

describe('revocations from a list that is polled', () => {
  function source(url: string, extra: object = {}, room = 10_000) {
    const clock = clockNow()
    const log = memoryLog()
    const context = { log, now: clock.now, monotonicMs: clock.now }
    const made = new PollSource({ ...context, settings: { ...POLL, url, ...extra }, room: () => room })
    onTestFinished(() => made.close())
    return { source: made, clock, log }
  }

  it('are asked for again by ETag, and a 304 keeps them young', async () => {
    const server = await listServer((request, response) => {
      if (request.headers['if-none-match'] === '"v1"') response.writeHead(304).end()
      else response.writeHead(200, { etag: '"v1"' }).end(JSON.stringify([{ jti: 'jti-1', until: LATER }]))
    })
    const { source: poll, clock } = source(server.url)
    expect(poll.usable()).toBe(false)
    const pause = await poll.refresh()
    expect(pause).toBeGreaterThanOrEqual(27_000)
    expect(pause).toBeLessThanOrEqual(30_000)
    clock.advance(600_001)
    expect(poll.usable()).toBe(false)
    await poll.refresh()
    expect(poll.usable()).toBe(true)
    expect(poll.has(identity(), NOW_S * 1000)).toBe(true)
    expect(server.asked.map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"v1"'])
    expect(poll.status()).toMatchObject({ source: 'poll', entries: 1, ageS: 0, fetches: { ok: 2, failed: 0 } })
  })

  it('swap as a whole, in slices of time, however long the list', async () => {
    let count = 5000
    const server = await listServer((_, response) =>
      response.end(Array.from({ length: count }, (__, i) => line(`${count}-${i}`)).join('')),
    )
    const { source: poll } = source(server.url, { maxBytes: 1_000_000 })
    await poll.refresh()
    count = 5001
    const seen = new Set<number>()
    let done = false
    const watch = async (): Promise<void> => {
      while (!done) {
        seen.add(poll.entries)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const watching = watch()
    await poll.refresh()
    seen.add(poll.entries)
    done = true
    await watching
    expect(seen).toEqual(new Set([5000, 5001]))
  })

  it.each<[string, (response: ServerResponse) => void, string]>([
    ['a server error', (response) => response.writeHead(500).end('hunter2'), 'HTTP 500'],
    ['a redirect', (response) => response.writeHead(302, { location: '/hunter2' }).end(), 'HTTP 302: redirects'],
    ['a 304 that nobody asked for', (response) => response.writeHead(304).end(), 'HTTP 304'],
    ['a bad line', (response) => response.end(`${line('x')}{"hunter2":1}\n`), 'line 2: an unknown key'],
    ['an HTML page', (response) => response.end('<html>hunter2</html>'), 'not a list'],
    ['too long an answer', (response) => response.end(' '.repeat(100_001)), 'longer than 100000 bytes'],
    ['too many entries', (response) => response.end(line('x') + line('y')), 'more than 1 entries'],
    ['a broken connection', (response) => response.destroy(), 'connection'],
  ])('stay as they were after %s, and the next question comes sooner', async (_, misbehave, told) => {
    let broken = false
    const server = await listServer((__, response) => (broken ? misbehave(response) : response.end(line('jti-1'))))
    const { source: poll, log } = source(server.url, {}, 1)
    await poll.refresh()
    broken = true
    const pause = await poll.refresh()
    expect(pause).toBeLessThanOrEqual(1000)
    expect(poll.has(identity(), NOW_S * 1000)).toBe(true)
    expect(poll.status().lastError).toContain(told)
    expect(poll.status().fetches).toEqual({ ok: 1, failed: 1 })
    expect(log.lines.join('\n') + JSON.stringify(poll.status())).not.toContain('hunter2')
    expect(await poll.refresh()).toBeLessThanOrEqual(2000)
    for (let i = 0; i < 10; i++) await poll.refresh()
    expect(await poll.refresh()).toBeLessThanOrEqual(30_000)
  })

  it.each(['', line('jti-1')])(
    'are not taken from an answer that ends where its connection does, after %j',
    async (text) => {
      const server = await listServer((_, response) => {
        response.useChunkedEncodingByDefault = false
        response.removeHeader('transfer-encoding')
        response.writeHead(200, { connection: 'close' })
        // The second line never comes.
        response.write(text, () => response.socket?.end())
        if (text === '') response.socket?.end()
      })
      const { source: poll } = source(server.url)
      await poll.refresh()
      expect(poll.usable()).toBe(false)
      expect(poll.status().lastError).toMatch('does not say where it ends')
    },
  )

  it('are asked for with the token, which no status and no log shows', async () => {
    const path = join(tempFolder(), 'token')
    const server = await listServer((_, response) => response.writeHead(403).end())
    const { source: poll, log } = source(server.url, { token: { file: path } })
    await poll.refresh()
    expect(poll.status().lastError).toBe('the token cannot be read')
    expect(server.asked).toHaveLength(0)
    writeFileSync(path, 'hunter2\n')
    poll.start()
    await until(() => server.asked.length > 0)
    expect(server.asked[0]?.headers.authorization).toBe('Bearer hunter2')
    await until(() => poll.status().lastError === 'HTTP 403')
    expect(log.lines.join('\n') + JSON.stringify(poll.status())).not.toContain('hunter2')
  })

  it('are fetched through a proxy from a server whose authority the caFile names, and from no other', async () => {
    await using certificates = await makeCertificates()
    await using server = await startHttpsServer(certificates.edge, (_, response) => response.end(line('jti-1')))
    await using proxy = await startConnectProxy()
    const { source: poll } = source(server.url.href, { proxy: proxy.url.href, caFile: certificates.caFile })
    await poll.refresh()
    expect(poll.status()).toMatchObject({ entries: 1, fetches: { ok: 1, failed: 0 } })
    expect(proxy.targets).toEqual([server.url.host])
    for (const [caFile, told] of [
      [undefined, 'connection failed'],
      ['/nowhere/ca.pem', 'caFile cannot be read'],
    ]) {
      const { source: other } = source(server.url.href, { caFile })
      await other.refresh()
      expect(other.status().lastError).toContain(told)
      expect(other.usable()).toBe(false)
    }
  })

  it.each(['deny', 'ignore'] as const)('that are too old: onUnavailable %s', async (onUnavailable) => {
    let broken = false
    const server = await listServer((_, response) =>
      broken ? response.writeHead(503).end() : response.end(line('other')),
    )
    const clock = clockNow()
    const revocations = revocationsAt(clock, { poll: { ...POLL, url: server.url }, onUnavailable })
    expect(revocations.ready()).toBe(onUnavailable === 'ignore')
    revocations.start()
    await until(() => revocations.status().sources[0]?.fetches.ok === 1)
    expect(revocations.ready()).toBe(true)
    broken = true
    clock.advance(600_000)
    expect(revocations.check(identity())).toBeUndefined()
    clock.advance(1)
    expect(revocations.check(identity())).toBe(onUnavailable === 'ignore' ? undefined : 'revocation_unavailable')
    // Those that are known hold nevertheless.
    expect(revocations.check(identity({ credentialId: 'other' }))).toBe('revoked')
  })

  it('are not asked for any more after a close in the middle of a question', async () => {
    const server = await listServer(() => undefined)
    const { source: poll, log } = source(server.url)
    poll.start()
    await until(() => server.asked.length === 1)
    poll.close()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(server.asked).toHaveLength(1)
    expect(log.lines).toEqual([])
    expect(poll.status().fetches).toEqual({ ok: 0, failed: 0 })
  })
})

it('an entry reads the same from a list and from a caller', () => {
  expect(parseEntry(JSON.parse(line('a')))).toEqual(parseEntry({ jti: 'a', until: LATER }))
})
