import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { tempFolder } from '../support/folder.ts'
import { readablePaths } from './readable.ts'

it('finds a path in the outbox and in its log, and takes no id of an event for one', () => {
  const outbox = join(tempFolder(), 'outbox.db')
  writeFileSync(outbox, 'meter-durable/k:acme/1 signal-strict')
  expect(readablePaths(outbox)).toEqual([])
  writeFileSync(`${outbox}-wal`, '\0{"path":"/start/strict/17"}')
  expect(readablePaths(outbox)).toEqual([`/start/strict/… in ${outbox}-wal`])
})
