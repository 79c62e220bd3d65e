import { existsSync, readFileSync } from 'node:fs'
import { pathOf, LANES } from './lanes.ts'

/** Files of one SQLite database: the last ones hold what was written most recently. */
const ENDINGS = ['', '-wal', '-journal']

/**
 * What of the requests stands in an encrypted outbox as it was: their paths are in the body of each row, and in no column
 * that stays readable. Deleted rows count, whose bytes stay in the file.
 */
export function readablePaths(outbox: string): string[] {
  const files = ENDINGS.map((ending) => `${outbox}${ending}`).filter((file) => existsSync(file))
  const starts = LANES.map((lane) => Buffer.from(pathOf(lane, '')))
  return files.flatMap((file) => {
    const bytes = readFileSync(file)
    return starts.filter((start) => bytes.includes(start)).map((start) => `${start.toString()}… in ${file}`)
  })
}
