import { randomBytes } from 'node:crypto'
import { chmod, link, lstat, unlink } from 'node:fs/promises'
import { type Server, connect } from 'node:net'
import { dirname, join } from 'node:path'
import { SpopError } from './errors.ts'

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
  // Short: it must not exceed sun_path where `path` does not.
  const own = join(dirname(path), `.${randomBytes(3).toString('hex')}`)
  const server = await listen(own)
  try {
    if (mode !== undefined) await chmod(own, mode)
    await linkOverStale(own, path)
    const { ino, dev } = await lstat(path)
    await unlink(own)
    return {
      async remove() {
        const file = await lstat(path).catch(() => undefined)
        if (file?.ino === ino && file.dev === dev) await unlink(path).catch(() => {})
      },
    }
  } catch (error) {
    server.close()
    throw error
  }
}

async function linkOverStale(own: string, path: string): Promise<void> {
  try {
    await link(own, path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    await removeStale(path)
    await link(own, path)
  }
}

/** Unlinks a socket file left behind by a process that died; anything else under that name stays and is an error. */
async function removeStale(path: string): Promise<void> {
  const address = `unix://${path}`
  // connect() is refused on an ordinary file too, so the refusal alone does not make it ours to delete.
  const file = await lstat(path)
  if (!file.isSocket()) throw new SpopError('ERR_SPOP_ADDRESS_IN_USE', address, 'the file is not a socket')
  if (await isLive(path)) throw new SpopError('ERR_SPOP_ADDRESS_IN_USE', address, 'another process listens on it')
  await unlink(path)
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
