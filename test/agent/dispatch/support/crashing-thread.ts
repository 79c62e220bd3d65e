import { existsSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { workerData } from 'node:worker_threads'
import type { StoreOptions } from '../../../../agent/dispatch/protocol.ts'

/** The store thread with a flaw: the first time, it dies when two events are on disk. */
const { path } = workerData as StoreOptions
const marker = `${path}.crashed`
await import('../../../../agent/dispatch/store/thread.ts')
if (!existsSync(marker)) {
  const db = new DatabaseSync(path, { readOnly: true })
  const count = db.prepare('SELECT count(*) AS n FROM outbox')
  setInterval(() => {
    if (Number(count.get()?.['n']) < 2) return
    writeFileSync(marker, '')
    throw new Error('a flaw')
  }, 5)
}
