// Writes the numbers 1000 to 1499 into a file that may have 1003 bytes, and lifts that limit when it has met it.
import { execFileSync } from 'node:child_process'
import { renameSync, statSync } from 'node:fs'
import { LineFile } from '../../../../agent/audit/line-file.ts'
import { BatchWriter } from '../../../../agent/audit/writer.ts'

const [path = '', what] = process.argv.slice(2)
// A process that meets the limit gets a signal; without a handler it would die of it.
process.on('SIGXFSZ', () => undefined)
const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
const out = new LineFile(path, () => performance.now())
const writer = new BatchWriter<number>({ out, log, maxQueue: 1000, format: String })
for (let i = 1000; i < 1500; i++) writer.push(i)
while (writer.status().errors === 0) await new Promise((resolve) => setTimeout(resolve, 5))
if (writer.status().lastError !== 'cannot be written (EFBIG)' || statSync(path).size !== 1003) process.exit(2)
if (what === 'move') renameSync(path, `${path}.1`)
execFileSync('prlimit', ['--fsize=unlimited:unlimited', `--pid=${process.pid}`])
await writer.close(10_000)
