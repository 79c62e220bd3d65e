import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { UserError } from '../errors.ts'

/**
 * Puts a new text in the place of a file's: whoever reads it sees the old one or the new one, never a part. Mode and owner
 * stay, and a symbolic link goes on leading to it.
 * @throws {UserError} HAPROXY_UNREADABLE where that is not allowed
 */
export function replaceFile(file: string, text: string): void {
  let next: string | undefined
  try {
    const target = realpathSync(file)
    const { mode, uid, gid } = statSync(target)
    const fresh = `${target}.${process.pid}.new`
    const fd = openSync(fresh, 'wx', 0o600)
    next = fresh
    try {
      writeSync(fd, text)
      if (uid !== process.getuid?.() || gid !== process.getgid?.()) fchownSync(fd, uid, gid)
      fchmodSync(fd, mode & 0o7777)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(fresh, target)
  } catch (error) {
    if (next !== undefined) rmSync(next, { force: true })
    throw new UserError('HAPROXY_UNREADABLE', `cannot write ${file}: ${(error as Error).message}`, { cause: error })
  }
}
