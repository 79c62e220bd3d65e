import { createHash } from 'node:crypto'
import { mkdirSync, realpathSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { UserError } from '../errors.ts'

/** Claims of this process; they end with it, however it ends. */
const held: Server[] = []

/**
 * Claims a name on this machine until this process ends, by an abstract UNIX socket: it is system-wide, exclusive, and
 * leaves no file. Only Linux has them; elsewhere every claim is granted.
 * @returns gives the claim back; `undefined` when somebody else has it
 */
export async function claim(name: string): Promise<(() => void) | undefined> {
  if (process.platform !== 'linux') return () => {}
  const server = await tryListen({ path: `\0haproxy-temporal/${name}` })
  if (server === undefined) return undefined
  held.push(server)
  return () => {
    held.splice(held.indexOf(server), 1)
    server.close()
  }
}

/**
 * Makes `folder`, and makes sure that no other `dev` keeps its data there: two would share Temporal's database and the
 * outbox.
 * @throws {UserError} when another one does
 */
export async function claimFolder(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const path = realpathSync(folder)
  // A name may have 107 bytes; a path may be longer.
  const granted = await claim(`folder/${createHash('sha256').update(path).digest('hex').slice(0, 32)}`)
  if (granted === undefined) {
    throw new UserError('DEV_RUNNING', `dev is already running in this folder: its data is in ${path}`)
  }
}

/** A server that listens there and keeps no process alive; `undefined` when that is not possible. */
export function tryListen(options: Parameters<Server['listen']>[0]): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(options as object, () => resolve(server.unref()))
  })
}
