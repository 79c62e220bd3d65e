import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'

/**
 * Puts another text in the place of a secret file's, or makes the file, for its owner alone. Readers see the old text or
 * the new one. Mode and owner stay, and a symbolic link goes on leading to the file. The draft is a lock, too: of two
 * changes at once none gets lost.
 *
 * @param change is given the text, undefined where there is no file
 * @throws {Error} of the file system, of `change`, or because somebody else is at work; the file is as before then
 */
export function changeSecretFile(file: string, change: (before: string | undefined) => string): void {
  const target = pathOf(file)
  const draft = `${target}.new`
  const descriptor = claim(draft)
  try {
    const before = textOf(target)
    writeSync(descriptor, change(before))
    if (before !== undefined) keepAccess(descriptor, target)
    fsyncSync(descriptor)
    renameSync(draft, target)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  } finally {
    closeSync(descriptor)
  }
}

/** Where the file is that a symbolic link leads to. */
function pathOf(file: string): string {
  try {
    return realpathSync(file)
  } catch {
    return file
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function claim(draft: string): number {
  try {
    return openSync(draft, 'wx', 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new Error(`${draft} is there: another command is at work, or one was interrupted and left it behind`, {
      cause: error,
    })
  }
}

/** The agent may read the file by its group only. */
function keepAccess(descriptor: number, target: string): void {
  const { mode, uid, gid } = statSync(target)
  if (uid !== process.getuid?.() || gid !== process.getgid?.()) fchownSync(descriptor, uid, gid)
  fchmodSync(descriptor, mode & 0o777)
}
