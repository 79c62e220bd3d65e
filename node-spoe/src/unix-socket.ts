import { randomBytes } from 'node:crypto'
import { chmod, link, lstat, unlink } from 'node:fs/promises'
import { type Server, connect } from 'node:net'
import { dirname, join } from 'node:path'
import { SpopError } from './errors.ts'

/** `sun_path` holds 108 bytes with the closing zero. */
const MAX_PATH_BYTES = 107

/** A UNIX socket under its public name. */
export interface PublishedSocket {
  /** Removes the name, unless another socket bears it by now. */
  remove(): Promise<void>
}

/**
 * Binds under a name of its own beside `path` and gives it the public name once its mode is set: nobody sees it with
 * another mode, and what libuv unlinks on close is the first name, never a successor's socket.
 *
 * @param mode permission bits, e.g. 0o660; undefined leaves what the umask left
 * @throws SpopError ERR_SPOP_ADDRESS_IN_USE; errors of the system as they are
 */
export async function publish(
  path: string,
  mode: number | undefined,
  listen: (path: string) => Promise<Server>,
): Promise<PublishedSocket> {
  const own = join(dirname(path), `.${randomBytes(3).toString('hex')}`)
  const longest = Math.max(Buffer.byteLength(path), Buffer.byteLength(own))
  if (longest > MAX_PATH_BYTES) throw new SpopError('ERR_SPOP_PATH', path, MAX_PATH_BYTES)
  const server = await listen(own)
  let published: PublishedSocket | undefined
  try {
    const { ino, dev } = await lstat(own)
    published = {
      async remove() {
        const file = await lstat(path).catch(() => undefined)
        if (file?.ino === ino && file.dev === dev) await unlink(path).catch(() => {})
      },
    }
    if (mode !== undefined) await chmod(own, mode)
    await linkOverStale(own, path)
    await unlink(own)
    return published
  } catch (error) {
    server.close()
    await published?.remove()
    throw error
  }
}

async function linkOverStale(own: string, path: string): Promise<void> {
  try {
    await link(own, path)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
    await removeStale(path)
    await link(own, path).catch((again: unknown) => {
      // Another agent was as quick as this one.
      if (hasCode(again, 'EEXIST')) throw inUse(path, 'another process listens on it')
      throw again
    })
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

function inUse(path: string, why: string): SpopError {
  return new SpopError('ERR_SPOP_ADDRESS_IN_USE', `unix://${path}`, why)
}

/** Unlinks a socket file left behind by a process that died; anything else under that name stays and is an error. */
async function removeStale(path: string): Promise<void> {
  // connect() is refused on an ordinary file too, so the refusal alone does not make it ours to delete.
  const file = await lstat(path)
  if (!file.isSocket()) throw inUse(path, 'the file is not a socket')
  if (await isLive(path)) throw inUse(path, 'another process listens on it')
  const now = await lstat(path).catch(() => undefined)
  // Replaced meanwhile by another agent that found it stale too.
  if (now !== undefined && now.ino !== file.ino) throw inUse(path, 'another process listens on it')
  await unlink(path).catch((error: unknown) => {
    if (!hasCode(error, 'ENOENT')) throw error
  })
}

function isLive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    // Only a refusal proves that nobody listens; no permission, for one, proves nothing.
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'))
  })
}
