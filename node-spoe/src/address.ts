import { lstat, unlink } from 'node:fs/promises'
import { type Server, connect } from 'node:net'
import { SpopError } from './errors.ts'

/** Enough for a burst of one connection per concurrent request; the kernel caps it at net.core.somaxconn. */
const BACKLOG = 4_096

type Target = { readonly path: string } | { readonly host: string; readonly port: number }

function parseAddress(address: string): Target {
  const unix = /^unix:\/\/(\/.+)$/.exec(address)
  if (unix !== null) return { path: unix[1]! }
  const tcp = /^tcp:\/\/(?:\[([0-9A-Fa-f:.%\w]+)\]|([^:/[\]]+)):(\d{1,5})$/.exec(address)
  const port = Number(tcp?.[3])
  if (tcp === null || port > 65_535) throw new SpopError('ERR_SPOP_ADDRESS', address)
  return { host: (tcp[1] ?? tcp[2])!, port }
}

/**
 * Binds a server and returns the address in the form it was asked for, with the real port.
 * @throws SpopError ERR_SPOP_ADDRESS, ERR_SPOP_ADDRESS_IN_USE; other errors of the system as they are
 */
export async function bind(server: Server, address: string): Promise<string> {
  const target = parseAddress(address)
  try {
    await listen(server, target)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    if (!('path' in target)) throw new SpopError('ERR_SPOP_ADDRESS_IN_USE', address, 'another process listens on it')
    await removeStale(target.path, address)
    await listen(server, target)
  }
  const bound = server.address()
  if (bound === null || typeof bound === 'string') return address
  return `tcp://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`
}

function listen(server: Server, target: Target): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ ...target, backlog: BACKLOG }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Unlinks a socket file left behind by a process that died; anything else under that name stays and is an error. */
async function removeStale(path: string, address: string): Promise<void> {
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
