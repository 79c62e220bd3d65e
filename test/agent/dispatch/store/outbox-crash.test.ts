import { spawn } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Disk } from '../../../../agent/dispatch/store/disk.ts'
import { Outbox } from '../../../../agent/dispatch/store/outbox.ts'
import { tempFolder } from '../../../support/folder.ts'
import { recordedLog } from '../support/commands.ts'
import { idsIn, ROOM, row } from './support.ts'

// Real disks: on a busy machine they may take their time.
vi.setConfig({ testTimeout: 120_000 })

test('kill -9 in the middle of a write loses nothing that was committed and tears no row', async () => {
  const path = join(tempFolder(), 'outbox.db')
  const committed = new Set<string>()
  const removed = new Set<string>()
  for (let round = 0; round < 4; round++) {
    const lines = await writtenUntilKilled(path, round * 1_000_000, 200 + round * 137)
    for (const line of lines) {
      if (line.startsWith('-')) removed.add(row(Number(line.slice(1))).id)
      else {
        const [from = 0, to = 0] = line.slice(1).split(',').map(Number)
        for (let n = from; n < to; n++) committed.add(row(n).id)
      }
    }
    const outbox = new Outbox(path)
    const found = new Set(idsIn(outbox))
    for (const id of committed) if (!removed.has(id)) expect(found).toContain(id)
    outbox.close()
  }
})

test('a log that is cut at any byte gives back whole commits from the beginning, and takes more', () => {
  const path = join(tempFolder(), 'outbox.db')
  const original = new Outbox(path)
  // No checkpoint: everything is in the log.
  const COMMITS = 12
  for (let n = 0; n < COMMITS; n++) original.insert([row(2 * n), row(2 * n + 1)], { ...ROOM })
  const whole = readFileSync(`${path}-wal`).length
  const step = Math.max(1, Math.floor(whole / 80))
  let seen = 0
  for (let cut = whole; cut >= 0; cut -= step) {
    const copy = join(tempFolder(), 'cut.db')
    copyFileSync(path, copy)
    copyFileSync(`${path}-wal`, `${copy}-wal`)
    truncateSync(`${copy}-wal`, cut)
    const outbox = new Outbox(copy)
    const ids = idsIn(outbox)
    // Both rows of a commit or none, and none without those before it.
    expect(ids).toEqual(Array.from({ length: ids.length }, (_, n) => row(n).id))
    expect(ids.length % 2).toBe(0)
    seen = Math.max(seen, ids.length)
    expect(outbox.insert([row(9_999)], { ...ROOM })).toEqual([expect.any(Number)])
    outbox.close()
  }
  expect(seen).toBe(2 * COMMITS)
  original.close()
})

test('a file with any of its pages overwritten is used or set aside, and events are taken either way', () => {
  const path = join(tempFolder(), 'outbox.db')
  const original = new Outbox(path)
  original.insert(
    Array.from({ length: 200 }, (_, n) => row(n)),
    { ...ROOM },
  )
  original.close()
  const bytes = readFileSync(path)
  const PAGE = 4096
  let aside = 0
  for (let page = 0; page * PAGE < bytes.length; page++) {
    const copy = join(tempFolder(), 'damaged.db')
    const damaged = Buffer.from(bytes)
    damaged.fill(0xa5, page * PAGE + 8, Math.min(damaged.length, page * PAGE + 400))
    writeFileSync(copy, damaged)
    const log = recordedLog()
    const disk = new Disk({ path: copy, retain: false, log, paused: () => [], lost: () => undefined })
    disk.open(1e6)
    // What is damaged may be found by any of these; afterwards a new file is there.
    const all = disk.page(1000, Infinity, { except: [] })
    for (const one of all) disk.deliver(one.seq)
    disk.flush(2e6)
    disk.open(3e6)
    expect(disk.insert([row(12_345)], { ...ROOM }, true, 4e6) ?? retried(disk)).toEqual([expect.any(Number)])
    if (log.at('error').some((line) => line.includes('set aside'))) aside++
    disk.close()
  }
  expect(aside).toBeGreaterThan(0)
  expect(statSync(path).size).toBe(bytes.length)
})

/** The insert that found the damage is lost to the file; the next one meets a new file. */
function retried(disk: Disk): unknown {
  disk.open(5e6)
  return disk.insert([row(12_346)], { ...ROOM }, true, 6e6)
}

/** Lets a child write until it has reported so many lines, then kills it. Returns the lines that were complete. */
async function writtenUntilKilled(path: string, first: number, lines: number): Promise<string[]> {
  const script = join(import.meta.dirname, 'writing-process.ts')
  const child = spawn(process.execPath, ['--conditions=node-spoe-source', script, path, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  child.stdout.on('data', (bytes) => {
    output += String(bytes)
    if (output.split('\n').length > lines) child.kill('SIGKILL')
  })
  await new Promise((resolve) => child.once('close', resolve))
  expect(existsSync(path)).toBe(true)
  return output.split('\n').slice(0, -1)
}
