import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createAudit } from '../../../agent/audit/audit.ts'
import { LineFile } from '../../../agent/audit/line-file.ts'
import { isSampled } from '../../../agent/audit/sample.ts'
import { BatchWriter } from '../../../agent/audit/writer.ts'
import { ROOT } from '../../../agent/dev/tools.ts'
import { tempFolder } from '../../support/folder.ts'
import { FakeClock, memoryLog, until } from '../identity/support/provider.ts'
import { decision, refusal, settings } from './support/decision.ts'

const linesOf = (path: string): string[] => readFileSync(path, 'utf8').trimEnd().split('\n')
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `${from + i}`)

/** Descriptors of this process that lead into a folder. */
const openFiles = (folder: string): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      return target.startsWith(folder) ? [target] : []
    } catch {
      // The one that lists the folder is gone by now.
      return []
    }
  })

function start(path: string, { maxQueue = 10_000, log = memoryLog() } = {}) {
  const clock = new FakeClock()
  const out = new LineFile(path, clock.now)
  const writer = new BatchWriter<number>({ out, log, maxQueue, format: String })
  onTestFinished(() => writer.close(0))
  return { out, writer, clock, log }
}

describe('the writer of records', () => {
  it('writes them in order, behind the back of whoever hands them over', async () => {
    const path = join(tempFolder(), 'audit.jsonl')
    const { writer } = start(path)
    for (let i = 0; i < 1234; i++) writer.push(i)
    expect(writer.status()).toMatchObject({ queued: 1234, written: 0 })
    await until(() => writer.status().written === 1234)
    expect(linesOf(path)).toEqual(numbers(0, 1234))
    expect(statSync(path).mode & 0o007).toBe(0)
  })

  it('writes what waits when it is closed, and drops what comes later', async () => {
    const folder = tempFolder()
    const path = join(folder, 'audit.jsonl')
    const { writer } = start(path)
    for (let i = 0; i < 500; i++) writer.push(i)
    await writer.close(5000)
    expect(linesOf(path)).toEqual(numbers(0, 500))
    writer.push(500)
    expect(writer.status()).toMatchObject({ written: 500, dropped: 1, queued: 0 })
    expect(openFiles(folder)).toEqual([])
  })

  it('drops and counts what the queue has no room for', async () => {
    const path = join(tempFolder(), 'audit.jsonl')
    const { writer } = start(path, { maxQueue: 100 })
    for (let i = 0; i < 250; i++) writer.push(i)
    await until(() => writer.status().queued === 0)
    expect(writer.status()).toMatchObject({ written: 100, dropped: 150, errors: 0 })
    expect(linesOf(path)).toEqual(numbers(0, 100))
  })

  it('goes on in a new file when the old one has been moved away, and leaves no descriptor behind', async () => {
    const folder = tempFolder()
    const path = join(folder, 'audit.jsonl')
    const { writer, clock } = start(path)
    for (let turn = 0; turn < 5; turn++) {
      writer.push(turn)
      await until(() => writer.status().written === turn + 1)
      renameSync(path, `${path}.${turn}`)
      clock.advance(1000)
    }
    writer.push(5)
    await until(() => writer.status().written === 6)
    for (let turn = 0; turn < 5; turn++) expect(linesOf(`${path}.${turn}`)).toEqual([`${turn}`])
    expect(linesOf(path)).toEqual(['5'])
    expect(openFiles(folder)).toEqual([path])
  })

  it('goes on at once when it is told to reopen', async () => {
    const path = join(tempFolder(), 'audit.jsonl')
    const { writer, out } = start(path)
    writer.push(1)
    await until(() => writer.status().written === 1)
    renameSync(path, `${path}.1`)
    writer.push(2)
    await until(() => writer.status().written === 2)
    expect(linesOf(`${path}.1`)).toEqual(['1', '2'])
    out.reopen()
    writer.push(3)
    await until(() => writer.status().written === 3)
    expect(linesOf(path)).toEqual(['3'])
  })

  it('counts a path that cannot be written, and loses nothing that fits when it can be again', async () => {
    const folder = tempFolder()
    const path = join(folder, 'audit.jsonl')
    mkdirSync(path)
    const { writer, log } = start(path, { maxQueue: 200 })
    for (let i = 0; i < 150; i++) writer.push(i)
    await until(() => writer.status().errors >= 2)
    expect(writer.status()).toMatchObject({ written: 0, lastError: 'cannot be written (EISDIR)' })
    for (let i = 150; i < 400; i++) writer.push(i)
    expect(writer.status().dropped).toBe(100)
    rmdirSync(path)
    await until(() => writer.status().queued === 0)
    expect(linesOf(path)).toEqual(numbers(0, 300))
    expect(writer.status()).toMatchObject({ written: 300, dropped: 100 })
    expect(writer.status().lastError).toBeUndefined()
    // Told once, however often it is tried.
    expect(log.lines.filter((line) => line.includes('EISDIR'))).toHaveLength(1)
    expect(openFiles(folder)).toEqual([path])
  })

  it('counts a full disk, and a stop does not wait for it', async () => {
    const { writer } = start('/dev/full')
    for (let i = 0; i < 250; i++) writer.push(i)
    await until(() => writer.status().errors > 0)
    expect(writer.status().lastError).toBe('cannot be written (ENOSPC)')
    await writer.close(60_000)
    expect(writer.status()).toMatchObject({ written: 0, dropped: 250, queued: 0 })
    expect(openFiles('/dev/full')).toEqual([])
  })

  // A limit on the size of files is a disk that is full in the middle of a line, and it can be lifted.
  const onFullDisk = (path: string, what: 'stay' | 'move'): void => {
    const script = join(ROOT, 'test/agent/audit/support/full-disk.ts')
    const args = ['--conditions=node-spoe-source', '--disable-warning=ExperimentalWarning', script, path, what]
    execFileSync('prlimit', ['--fsize=1003:unlimited', process.execPath, ...args], { stdio: 'inherit' })
  }

  it('goes on at the byte where a full disk broke a line off', () => {
    const path = join(tempFolder(), 'audit.jsonl')
    onFullDisk(path, 'stay')
    expect(linesOf(path)).toEqual(numbers(1000, 1500))
  })

  it('writes a line that was broken off anew when the file has been moved away meanwhile', () => {
    const path = join(tempFolder(), 'audit.jsonl')
    onFullDisk(path, 'move')
    expect(linesOf(`${path}.1`)).toEqual([...numbers(1000, 1200), '120'])
    expect(linesOf(path)).toEqual(numbers(1200, 1500))
  })

  it('a record that cannot be made into a line is dropped, and the others are not', async () => {
    const path = join(tempFolder(), 'audit.jsonl')
    const format = (value: number): string => {
      if (value === 1) throw new Error('a defect')
      return String(value)
    }
    const out = new LineFile(path, () => 0)
    const writer = new BatchWriter<number>({ out, log: memoryLog(), maxQueue: 100, format })
    for (const value of [0, 1, 2]) writer.push(value)
    await writer.close(5000)
    expect(linesOf(path)).toEqual(['0', '2'])
    expect(writer.status()).toMatchObject({ written: 2, dropped: 1 })
  })

  it('writes to standard output, and a reader that is gone ends nothing', async () => {
    const script = join(ROOT, 'test/agent/audit/support/stdout.ts')
    const child = spawn(
      process.execPath,
      ['--conditions=node-spoe-source', '--disable-warning=ExperimentalWarning', script],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    onTestFinished(() => void child.kill('SIGKILL'))
    let told = ''
    child.stderr.on('data', (chunk: Buffer) => (told += chunk.toString()))
    const first = await new Promise<string>((resolve) =>
      child.stdout.once('data', (c: Buffer) => resolve(c.toString())),
    )
    expect(first.split('\n')[0]).toBe('0')
    child.stdout.destroy()
    const code = await new Promise((resolve) => child.once('close', resolve))
    expect(code).toBe(0)
    expect(told).toContain('cannot be written (EPIPE)')
  })
})

describe('the audit', () => {
  function audit(path: string, config: object = {}) {
    const clock = new FakeClock()
    const context = { now: clock.now, monotonicMs: clock.now, log: memoryLog() }
    const sink = createAudit(settings({ to: { file: path }, ...config }), context)
    onTestFinished(() => sink.close())
    return sink
  }
  const reasons = (path: string): string[] =>
    linesOf(path).map((line) => (JSON.parse(line) as { event: { reason: string } }).event.reason)

  const failOpen = decision({ decision: { ...decision().decision, reason: 'fail_open' } })

  it('writes a line for each decision', async () => {
    const path = join(tempFolder(), 'audit.jsonl')
    const sink = audit(path)
    await sink.start()
    for (const record of [decision(), refusal(), failOpen]) sink.decision(record)
    await sink.close()
    expect(reasons(path)).toEqual(['ok', 'audience_mismatch', 'fail_open'])
    expect(sink.status()).toEqual({ queued: 0, written: 3, dropped: 0, errors: 0, sampledOut: 0 })
  })

  it('never leaves a denial out, nor an allow without proof', async () => {
    const path = join(tempFolder(), 'audit.jsonl')
    const sink = audit(path, { allow: 'none' })
    for (const record of [decision(), refusal(), failOpen]) sink.decision(record)
    await sink.close()
    expect(reasons(path)).toEqual(['audience_mismatch', 'fail_open'])
    expect(sink.status()).toMatchObject({ written: 2, sampledOut: 1 })
  })

  it('keeps a share of the allows, the same on every agent', () => {
    const ids = Array.from({ length: 20_000 }, (_, i) => `6924A0C0-7F000001:9000-${i.toString(16)}`)
    const kept = ids.filter((id) => isSampled(id, 0.1))
    expect(kept.length).toBeGreaterThan(1700)
    expect(kept.length).toBeLessThan(2300)
    // A larger share keeps all that a smaller one keeps.
    expect(kept.every((id) => isSampled(id, 0.2))).toBe(true)
    expect(ids.every((id) => isSampled(id, 1) && !isSampled(id, 0))).toBe(true)
  })

  it('tells that the key of the pseudonyms cannot be read, and writes without it', async () => {
    const folder = tempFolder()
    const path = join(folder, 'audit.jsonl')
    const sink = audit(path, { pseudonymise: true, pseudonyms: { secret: { file: join(folder, 'absent') } } })
    await sink.start()
    sink.decision(decision())
    await sink.close()
    expect(sink.status()).toMatchObject({ written: 1, keyError: 'cannot be read (ENOENT)' })
    expect(readFileSync(path, 'utf8')).not.toContain('00u1')
  })

  it('writes OCSF where that is asked for', async () => {
    const path = join(tempFolder(), 'audit.jsonl')
    const sink = audit(path, { format: 'ocsf' })
    sink.decision(decision())
    await sink.close()
    expect(JSON.parse(linesOf(path)[0] ?? '')).toMatchObject({ class_uid: 6003 })
  })
})
