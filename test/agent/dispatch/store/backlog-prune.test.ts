import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Counters } from '../../../../agent/dispatch/counters.ts'
import { RecentIds } from '../../../../agent/dispatch/recent-ids.ts'
import { StoreActions } from '../../../../agent/dispatch/store/actions.ts'
import { Backlog } from '../../../../agent/dispatch/store/backlog.ts'
import { Disk } from '../../../../agent/dispatch/store/disk.ts'
import { type Entry, Ledger } from '../../../../agent/dispatch/store/ledger.ts'
import type { Stock } from '../../../../agent/dispatch/store/memory.ts'
import { Outbox } from '../../../../agent/dispatch/store/outbox.ts'
import { Sidings } from '../../../../agent/dispatch/store/sidings.ts'
import { tempFolder } from '../../../support/folder.ts'
import { recordedLog } from '../support/commands.ts'
import { ROOM, row } from './support.ts'

const entry: Omit<Entry, 'seq'> = { row: 0, events: 1, bytes: 1, rowBytes: 1, from: 'disk', at: 0, lane: undefined }

function opened() {
  const log = recordedLog()
  const disk = new Disk({ path: join(tempFolder(), 'outbox.db'), retain: false, log, paused: () => [], lost() {} })
  disk.open()
  onTestFinished(() => disk.close())
  const counters = new Counters(['orders'])
  const ledger = new Ledger(counters)
  const ahead = new Set<number>()
  const stock = {
    disk,
    ledger,
    ahead,
    actions: new StoreActions('default'),
    sidings: new Sidings(),
  } as Partial<Stock> as Stock
  const backlog = new Backlog({ stock, counters, recent: new RecentIds(10), log })
  return { disk, ledger, ahead, backlog }
}

test('rows that are gone before a reader came to them are forgotten, those in memory are not', () => {
  const { ledger, ahead, backlog } = opened()
  for (let seq = 1; seq <= 100_000; seq++) ahead.add(seq)
  ledger.load(1, { ...entry, seq: 77 })
  backlog.prune()
  expect([...ahead]).toEqual([77])
})

test.each([
  ['delivered', (disk: Disk) => disk.deliver(1)],
  ['buried', (disk: Disk) => disk.bury(1, 'no', 1)],
])('rows that are %s and still on disk are not forgotten: they would be read once more', (_, settle) => {
  const { disk, ahead, backlog } = opened()
  disk.insert([row(1)], { ...ROOM }, false)
  for (let seq = 1; seq <= 100_000; seq++) ahead.add(seq)
  settle(disk)
  const flush = vi.spyOn(Outbox.prototype, 'flush').mockImplementation(() => {
    throw new Error('busy')
  })
  backlog.prune()
  expect([disk.departing, ahead.size]).toEqual([1, 100_000])
  flush.mockRestore()
  disk.flush(Infinity)
  backlog.prune()
  expect([disk.departing, ahead.size]).toEqual([0, 0])
})
