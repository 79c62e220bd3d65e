import { claim, tryListen } from './claim.ts'

/** Below the range that the kernel hands out for outgoing connections, so that none of those can be in the way. */
const LOWEST = 12_000
const HIGHEST = 31_999

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
 * Another run of this project, in another clone perhaps, may look for ports at the same moment. So each port is claimed
 * by its number before anything tries to listen on it.
 */
async function reserve(port: number): Promise<boolean> {
  const release = await claim(`port/${port}`)
  if (release === undefined) return false
  const probe = await tryListen({ host: '127.0.0.1', port, exclusive: true })
  if (probe === undefined) {
    release()
    return false
  }
  await new Promise((resolve) => probe.close(resolve))
  return true
}
