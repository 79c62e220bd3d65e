import { Outbox } from '../../../../agent/dispatch/store/outbox.ts'
import { ROOM, row } from './support.ts'

/**
 * Writes batches to an outbox without end and deletes some of what it wrote; prints `+from,to` after each commit and
 * `-id` for what it has asked to delete. To be killed. Arguments: path, number of the first event.
 */
const [path = '', first = '0'] = process.argv.slice(2)
const outbox = new Outbox(path)
let next = Number(first)
for (;;) {
  const size = 1 + (next % 17)
  const rows = outbox.insert(
    Array.from({ length: size }, (_, i) => row(next + i)),
    { ...ROOM },
  )
  process.stdout.write(`+${next},${next + size}\n`)
  if (next % 3 === 0 && typeof rows[0] === 'number') {
    process.stdout.write(`-${next}\n`)
    outbox.remove(rows[0])
  }
  next += size
}
