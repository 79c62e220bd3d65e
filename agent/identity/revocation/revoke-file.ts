import { closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { UserError } from '../../errors.ts'
import { parseEntry, type RevocationEntry, RevocationFormatError, type RevocationInput } from './entry.ts'
import { parseList } from './list.ts'

/** Bytes an agent reads of a list in a file. */
const MAX_BYTES = 1024 * 1024

/** The entries of a list in a file; none when there is no file yet. @throws {UserError} REVOCATION_LIST */
export function readRevokeFile(path: string): RevocationEntry[] {
  return entriesOf(path, textOf(path))
}

/**
 * Adds an entry to a list, creating it where it is missing. One write of one line at the end, and it is on the disk
 * afterwards: an agent that reads at that moment sees the list before or after, and one that sees half a line keeps what
 * it had and reads again. The list is checked first, because agents would not take the entry from a list with a mistake.
 *
 * @throws {UserError} REVOCATION_LIST for a list that agents do not take, or would not take any more
 */
export function appendRevocation(path: string, input: RevocationInput): void {
  explained(path, () => parseEntry(input))
  const text = textOf(path)
  entriesOf(path, text)
  const first = text.trimStart().charAt(0)
  if (first === '[') throw new UserError('REVOCATION_LIST', `${path}: a JSON array cannot be added to; use JSON lines`)
  // JSON is YAML too, as an item of a list.
  const item = first === '{' || first === '' ? JSON.stringify(input) : `- ${JSON.stringify(input)}`
  const line = `${text === '' || text.endsWith('\n') ? '' : '\n'}${item}\n`
  entriesOf(path, text + line)
  if (Buffer.byteLength(text + line) > MAX_BYTES) {
    throw new UserError('REVOCATION_LIST', `${path}: more than ${MAX_BYTES} bytes, which agents do not read`)
  }
  const isNew = !exists(path)
  const fd = openSync(path, 'a', 0o640)
  try {
    writeSync(fd, line)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  if (isNew) syncFolder(path)
}

/**
 * Rewrites a list of JSON lines without the entries that are over. Not for two at once: an entry added in between would
 * be lost.
 * @returns how many were dropped
 * @throws {UserError} REVOCATION_LIST
 */
export function purgeRevokeFile(path: string, nowMs: number): number {
  const text = textOf(path)
  entriesOf(path, text)
  if (text.trimStart() !== '' && text.trimStart().charAt(0) !== '{') {
    throw new UserError('REVOCATION_LIST', `${path}: only lists of JSON lines are rewritten`)
  }
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const kept = lines.filter((line) => parseEntry(JSON.parse(line)).until > nowMs)
  if (kept.length === lines.length) return 0
  const next = `${path}.new`
  const fd = openSync(next, 'w', statSync(path).mode & 0o777)
  try {
    writeSync(fd, kept.map((line) => `${line}\n`).join(''))
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(next, path)
  syncFolder(path)
  return lines.length - kept.length
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw new UserError('REVOCATION_LIST', `cannot read ${path}: ${(error as Error).message}`, { cause: error })
  }
}

function entriesOf(path: string, text: string): RevocationEntry[] {
  return explained(path, () => [...parseList(text)])
}

function explained<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof RevocationFormatError)) throw error
    throw new UserError('REVOCATION_LIST', `${path}: ${error.message}`, { cause: error })
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

/** Without it a new name may be gone after a crash although its content is on the disk. */
function syncFolder(path: string): void {
  const fd = openSync(dirname(path), 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
