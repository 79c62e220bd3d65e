import { createServer, type Server } from 'node:net'

/** Below the range that the kernel hands out for outgoing connections, so that none of those can be in the way. */
const LOWEST = 12_000
const HIGHEST = 31_999

const held: Server[] = []

/**
 * A TCP port of 127.0.0.1 that is free and stays ours until this process ends, although nothing listens on it yet.
 * @param preferred taken when it is free
 */
export async function reservePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await reserve(preferred))) return preferred
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1))
    if (await reserve(port)) return port
  }
  throw new Error(`no free port found between ${LOWEST} and ${HIGHEST}`)
}

/**
 * Another run of this project, in another clone perhaps, may look for ports at the same moment. So each port is first
 * claimed by an abstract UNIX socket of its number: it is system-wide, exclusive, leaves no file, and ends with us.
 */
async function reserve(port: number): Promise<boolean> {
  const claim = process.platform === 'linux' ? await tryListen({ path: `\0haproxy-temporal/port/${port}` }) : undefined
  if (process.platform === 'linux' && claim === undefined) return false
  const probe = await tryListen({ host: '127.0.0.1', port, exclusive: true })
  if (probe === undefined) {
    claim?.close()
    return false
  }
  await new Promise((resolve) => probe.close(resolve))
  if (claim !== undefined) held.push(claim)
  return true
}

function tryListen(options: Parameters<Server['listen']>[0]): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(options as object, () => resolve(server.unref()))
  })
}
