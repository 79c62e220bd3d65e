import { execFileSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { SecretSource, WatchedFile } from '../../../agent/secrets/secret-file.ts'
import { tempFolder } from '../../support/folder.ts'
import { keptLog } from './support.ts'

const CANARY = 'canary-77de68daecd8'

function watched<T>(path: string, parse: (text: string) => T, options: { pollMs?: number; maxBytes?: number } = {}) {
  const log = keptLog()
  const file = new WatchedFile({ path, parse, log, ...options })
  onTestFinished(() => file.close())
  return { file, log }
}

const trim = (text: string): string => text.trim()

/** As editors and Kubernetes do: a whole file takes the place of the old one. */
function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text)
  renameSync(`${path}.new`, path)
}

describe('a watched file', () => {
  it('has no value before it was read, nor while it is missing, and gets one when it comes', async () => {
    const path = join(tempFolder(), 'a')
    const { file, log } = watched(path, trim)
    expect(file.value).toBeUndefined()
    await file.refresh()
    expect(file.value).toBeUndefined()
    expect(file.lastError).toBe('cannot be read (ENOENT)')
    writeFileSync(path, 'one')
    await file.refresh()
    expect(file.value).toBe('one')
    expect(file.lastError).toBeUndefined()
    expect(file.goodAt).toBeGreaterThan(0)
    expect(file.looks).toEqual({ ok: 1, failed: 1 })
    expect(log.lines.map((line) => line.split(' ')[0])).toEqual(['warn', 'info'])
  })

  it('sees changes by itself', async () => {
    const path = join(tempFolder(), 'a')
    writeFileSync(path, 'one')
    const { file } = watched(path, trim, { pollMs: 5 })
    await file.start()
    expect(file.value).toBe('one')
    replace(path, 'two')
    await vi.waitFor(() => expect(file.value).toBe('two'))
    writeFileSync(path, 'three')
    await vi.waitFor(() => expect(file.value).toBe('three'))
  })

  it('sees a change that leaves size and times as they were', async () => {
    const path = join(tempFolder(), 'a')
    const long = new Date(Date.now() - 60_000)
    const write = (text: string): void => {
      writeFileSync(path, text)
      utimesSync(path, long, long)
    }
    write('one')
    const { file } = watched(path, trim)
    await file.refresh()
    write('two')
    await file.refresh()
    expect(file.value).toBe('two')
  })

  it('parses a text once, however often the file is looked at or touched', async () => {
    const path = join(tempFolder(), 'a')
    writeFileSync(path, 'one')
    const parse = vi.fn((text: string) => ({ text }))
    const { file } = watched(path, parse)
    await file.refresh()
    const first = file.value
    utimesSync(path, new Date(), new Date())
    await file.refresh()
    replace(path, 'one')
    await file.refresh()
    expect(parse).toHaveBeenCalledTimes(1)
    expect(file.value).toBe(first)
  })

  it('keeps the last good value when the new text is refused, says so once, and takes the next good one', async () => {
    const path = join(tempFolder(), 'a')
    writeFileSync(path, '{"n":1}')
    const parse = (text: string): unknown => {
      try {
        return JSON.parse(text) as unknown
      } catch {
        throw new Error('no JSON')
      }
    }
    const { file, log } = watched(path, parse)
    await file.refresh()
    replace(path, CANARY)
    for (let i = 0; i < 3; i++) await file.refresh()
    expect(file.value).toEqual({ n: 1 })
    expect(file.lastError).toBe('no JSON')
    expect(log.lines).toHaveLength(1)
    replace(path, '{"n":2}')
    await file.refresh()
    expect(file.value).toEqual({ n: 2 })
    expect(file.lastError).toBeUndefined()
    expect(log.lines.join()).not.toContain(CANARY)
  })

  it('is well again when a file that was away comes back as it was', async () => {
    const folder = tempFolder()
    const path = join(folder, 'a')
    writeFileSync(path, 'one')
    const { file } = watched(path, trim)
    await file.refresh()
    renameSync(path, join(folder, 'b'))
    await file.refresh()
    expect(file.lastError).toBe('cannot be read (ENOENT)')
    expect(file.value).toBe('one')
    renameSync(join(folder, 'b'), path)
    await file.refresh()
    expect(file.lastError).toBeUndefined()
  })

  it('stays ill when a refused text comes back', async () => {
    const path = join(tempFolder(), 'a')
    writeFileSync(path, 'bad')
    const { file } = watched(path, () => {
      throw new Error('refused')
    })
    await file.refresh()
    rmSync(path)
    await file.refresh()
    writeFileSync(path, 'bad')
    await file.refresh()
    expect(file.lastError).toBe('refused')
  })

  it('follows the symbolic link that Kubernetes swaps', async () => {
    const folder = tempFolder()
    const version = (name: string, text: string): void => {
      mkdirSync(join(folder, name))
      writeFileSync(join(folder, name, 'key'), text)
      symlinkSync(name, join(folder, '..data_tmp'))
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
    }
    version('..2026_01', 'old')
    symlinkSync('..data/key', join(folder, 'key'))
    const { file } = watched(join(folder, 'key'), trim, { pollMs: 5 })
    await file.start()
    expect(file.value).toBe('old')
    version('..2026_02', 'new')
    rmSync(join(folder, '..2026_01'), { recursive: true })
    await vi.waitFor(() => expect(file.value).toBe('new'))
    expect(file.lastError).toBeUndefined()
  })

  it('sees every one of many changes, faster than the clock of the file system', async () => {
    const path = join(tempFolder(), 'a')
    const { file } = watched(path, trim)
    for (let i = 0; i < 300; i++) {
      const text = i % 2 === 0 ? 'one' : 'two'
      writeFileSync(path, text)
      await file.refresh()
      expect(file.value).toBe(text)
    }
  })

  it('notices that a file changes while it is read, and reads it again', async () => {
    const path = join(tempFolder(), 'a')
    const size = 8_000_000
    const texts = ['x', 'y'].map((letter) => Buffer.alloc(size, letter))
    writeFileSync(path, texts[0]!)
    // Half old and half new would be neither.
    const { file } = watched(path, (text) => new Set(text).size, { maxBytes: size })
    const outcomes = new Set<string>()
    for (let round = 1; round <= 15; round++) {
      let reading = true
      const looking = file.refresh().finally(() => (reading = false))
      const handle = openSync(path, 'r+')
      for (let i = round; reading; i++) {
        await new Promise((resolve) => setImmediate(resolve))
        if (reading) writeSync(handle, texts[i % 2]!, 0, size, 0)
      }
      closeSync(handle)
      await looking
      outcomes.add(file.lastError ?? `value ${file.value}`)
    }
    expect([...outcomes]).toContain('changed while read')
    await file.refresh()
    expect([file.value, file.lastError]).toEqual([1, undefined])
  })

  it('joins looks and starts that overlap', async () => {
    const path = join(tempFolder(), 'a')
    writeFileSync(path, 'one')
    const { file } = watched(path, trim, { pollMs: 60_000 })
    expect(file.refresh()).toBe(file.refresh())
    expect(file.start()).toBe(file.start())
    await file.start()
    expect(file.looks.ok).toBe(1)
    await file.start()
    expect(file.looks.ok).toBe(1)
  })

  it('polls with one timer however often it is started, and with none after close', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => {
      vi.useRealTimers()
    })
    const { file } = watched(join(tempFolder(), 'a'), trim)
    await Promise.all([file.start(), file.start()])
    await file.start()
    expect(vi.getTimerCount()).toBe(1)
    file.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('that is closed while it reads neither takes a value nor goes on polling nor logs', async () => {
    const path = join(tempFolder(), 'a')
    const { file, log } = watched(path, trim, { pollMs: 1 })
    const starting = file.start()
    file.close()
    await starting
    expect(file.value).toBeUndefined()
    expect(file.looks).toEqual({ ok: 0, failed: 0 })
    expect(log.lines).toEqual([])
  })

  it.each([
    ['a folder', (path: string) => mkdirSync(path), 'not a regular file'],
    ['a pipe', (path: string) => execFileSync('mkfifo', [path]), 'not a regular file'],
    ['too long', (path: string) => writeFileSync(path, 'x'.repeat(101)), 'longer than 100 bytes'],
    ['not UTF-8', (path: string) => writeFileSync(path, Buffer.from([0x61, 0xff])), 'not UTF-8'],
  ])('refuses what is %s', async (_what, make, error) => {
    const path = join(tempFolder(), 'a')
    make(path)
    const { file } = watched(path, trim, { maxBytes: 100 })
    await file.refresh()
    expect(file.value).toBeUndefined()
    expect(file.lastError).toBe(error)
  })
})

describe('the source of a secret', () => {
  it('is a value at once', () => {
    const log = keptLog()
    const source = new SecretSource({ value: CANARY }, log)
    expect(source.current?.reveal()).toBe(CANARY)
    expect(source.lastError).toBeUndefined()
    expect(JSON.stringify(source.current)).not.toContain(CANARY)
  })

  it('is a file without the white space at its ends, and the same object until it changes', async () => {
    const path = join(tempFolder(), 'secret')
    writeFileSync(path, `\uFEFF  ${CANARY} with a space\r\n`)
    const log = keptLog()
    const source = new SecretSource({ file: path }, log, { pollMs: 5 })
    onTestFinished(() => source.close())
    expect(source.current).toBeUndefined()
    await Promise.all([source.start(), source.start()])
    const first = source.current
    expect(first?.reveal()).toBe(`${CANARY} with a space`)
    replace(path, 'next')
    await vi.waitFor(() => expect(source.current?.reveal()).toBe('next'))
    expect(first?.reveal()).toBe(`${CANARY} with a space`)
    replace(path, ' \n')
    await vi.waitFor(() => expect(source.lastError).toBe('empty'))
    expect(source.current?.reveal()).toBe('next')
    expect(log.lines.join()).not.toContain(CANARY)
  })
})
