// Writes the numbers 1000 to 1499 into a file that may have 1003 bytes, and lifts that limit when it has met it.
import { execFileSync } from 'node:child_process'
import { renameSync, statSync } from 'node:fs'
import { LineFile } from '../../../../agent/audit/line-file.ts'

const [path = '', what] = process.argv.slice(2)
// A process that meets the limit gets a signal; without a handler it would die of it.
process.on('SIGXFSZ', () => undefined)
const out = new LineFile(path, () => 0)
const numbers = (from: number): string => Array.from({ length: 250 }, (_, i) => `${from + i}\n`).join('')
const failure = await out.append(numbers(1000)).catch((error: NodeJS.ErrnoException) => error.code)
if (failure !== 'EFBIG' || statSync(path).size !== 1003) process.exit(2)
await out.close()
if (what === 'move') renameSync(path, `${path}.1`)
execFileSync('prlimit', ['--fsize=unlimited:unlimited', `--pid=${process.pid}`])
await out.append(numbers(1250))
await out.close()
