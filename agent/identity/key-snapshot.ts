import { constants } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { parseKeySet, type KeySet, type ParsedKeySet } from './key-set.ts'
import type { Log } from './log.ts'

/** Bytes: as many keys as a fetched set may hold fit well. */
const MAX_FILE_BYTES = 1024 * 1024

/** Milliseconds by which a file may come from the future: clocks of two starts may differ a little. */
const CLOCK_TOLERANCE_MS = 60_000

/** The file, version 1. Public keys only. */
const format = z.object({
  version: z.literal(1),
  issuer: z.string(),
  /** Wall time of the fetch. */
  fetchedAt: z.iso.datetime(),
  jwks: z.unknown(),
})

export interface KeySnapshotOptions {
  readonly path: string
  /** Name in agent.yaml, for the log. */
  readonly provider: string
  readonly issuer: string
  readonly maxKeys: number
  readonly log: Log
}

export interface StoredKeys {
  readonly set: KeySet
  /** Milliseconds since they were fetched, by the wall clock: a monotonic one does not outlive the process. */
  readonly ageMs: number
}

/**
 * The last good keys of one issuer on disk, so that an agent that starts during an outage of its provider can work. Who
 * can write the file can make keys: it must belong to the agent alone.
 */
export class KeySnapshot {
  readonly #options: KeySnapshotOptions
  /** One write at a time: they share the name of the new file. */
  #writing = Promise.resolve()
  /** Why the latest write failed; undefined after a success. */
  lastError: string | undefined

  constructor(options: KeySnapshotOptions) {
    this.#options = options
  }

  /**
   * The keys of the file, vetted as fetched ones are, or undefined where there are none to be trusted; the log says why.
   * A file that is not ours to read as keys is set aside as `<path>.corrupt`. Never rejects.
   */
  async load(maxAgeMs: number, nowMs = Date.now()): Promise<StoredKeys | undefined> {
    const { path, issuer, maxKeys } = this.#options
    let text: string | undefined
    try {
      text = await this.#read()
    } catch (error) {
      this.#skipped(`cannot be read (${codeOf(error)})`)
    }
    if (text === undefined) return undefined
    try {
      const file = format.parse(JSON.parse(text))
      if (file.issuer !== issuer) return this.#skipped('holds keys of another issuer')
      const ageMs = nowMs - Date.parse(file.fetchedAt)
      if (ageMs < -CLOCK_TOLERANCE_MS) return this.#skipped('was written in the future')
      if (ageMs > maxAgeMs) return this.#skipped('is too old')
      const { set } = await parseKeySet(file.jwks, maxKeys)
      return { set, ageMs: Math.max(0, ageMs) }
    } catch {
      this.#skipped('is corrupt, set aside')
      await rename(path, `${path}.corrupt`).catch((error: unknown) => this.#skipped(`stays (${codeOf(error)})`))
      return undefined
    }
  }

  /** Replaces the file as a whole, or leaves the old one: readers never see half of it. Never rejects. */
  save(jwks: ParsedKeySet['jwks'], fetchedAtMs = Date.now()): Promise<void> {
    const { issuer, path, provider, log } = this.#options
    const file = { version: 1, issuer, fetchedAt: new Date(fetchedAtMs).toISOString(), jwks }
    this.#writing = this.#writing.then(async () => {
      try {
        await replaceFile(path, `${JSON.stringify(file, null, 2)}\n`)
        this.lastError = undefined
      } catch (error) {
        const reason = `keysFile cannot be written (${codeOf(error)})`
        if (reason !== this.lastError) log.warn({ provider, file: path, error: reason }, 'keys are not kept on disk')
        this.lastError = reason
      }
    })
    return this.#writing
  }

  /** @returns undefined where there is no file, or none that may be trusted */
  async #read(): Promise<string | undefined> {
    // Not blocking: a pipe in its place must not hold up the start.
    const file = await open(this.#options.path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    })
    if (file === undefined) return undefined
    try {
      const stat = await file.stat()
      const { mode, size } = stat
      if (!stat.isFile()) return this.#skipped('is not a plain file')
      if ((mode & 0o022) !== 0) return this.#skipped('can be written by others')
      if (size > MAX_FILE_BYTES) return this.#skipped('is too long')
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  }

  #skipped(reason: string): undefined {
    const { log, provider, path } = this.#options
    log.warn({ provider, file: path, reason }, 'keysFile is not used')
  }
}

/** Writes beside and renames (POSIX rename is atomic); both reach the disk before it returns. */
async function replaceFile(path: string, text: string): Promise<void> {
  const fresh = `${path}.${process.pid}.new`
  try {
    const file = await open(fresh, 'w', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(fresh, path)
  } catch (error) {
    await rm(fresh, { force: true })
    throw error
  }
  const directory = await open(dirname(path), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unexpected error'
}
