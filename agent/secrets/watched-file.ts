import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Log } from '../identity/log.ts'

/** Milliseconds between two looks at a file. Kubernetes swaps a symlink, so the file is asked, not watched. */
const POLL_MS = 10_000

/** Not blocking: opening a pipe that nobody writes to would hold a thread for ever. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK

/** Bytes. */
const MAX_FILE_BYTES = 1024 * 1024

/**
 * Nanoseconds. A file changed so recently may change once more without its times or size telling: the clock of file
 * systems moves in steps of some milliseconds, on a few of them of seconds.
 */
const UNSETTLED_NS = 3_000_000_000n

/** When files are looked at. */
export interface FileTimes {
  /** Milliseconds between two looks; ten seconds when absent. */
  readonly pollMs?: number
}

export interface WatchedFileOptions<T> extends FileTimes {
  readonly path: string
  /**
   * Makes the value out of the file's text; a promise where that takes long enough to keep requests waiting.
   * @throws {Error} whose message holds nothing of the text
   */
  readonly parse: (text: string) => T | Promise<T>
  readonly log: Log
  /** Bytes of the file that are read at most; 1 MiB when absent. */
  readonly maxBytes?: number
}

/** The file's own fault, in words that hold nothing of it. */
class FileProblem extends Error {}

/**
 * A file that is read again when it changes. A file that cannot be read or parsed leaves the last good value in place,
 * and `lastError` says why. A file that changes while it is read is read again at the next look, so that nothing is made
 * out of half a file; whoever writes to it had better rename a whole one into place.
 */
export class WatchedFile<T> {
  readonly #options: WatchedFileOptions<T>
  #value: T | undefined
  /** Identity, size and times of the file when it was last read; empty: read it whatever they are. */
  #seen = ''
  /** SHA-256 of the text that was parsed last: the text itself may be a secret. */
  #digest = ''
  #parseError: string | undefined
  #timer: NodeJS.Timeout | undefined
  #started: Promise<void> | undefined
  #looking: Promise<void> | undefined
  #closed = false
  /** Why the latest look failed; undefined after a success. Never holds bytes of the file. */
  lastError: string | undefined
  /** Milliseconds of `performance.now()` when the file was last found good, changed or not; undefined before. */
  goodAt: number | undefined
  /** Looks at the file. */
  readonly looks = { ok: 0, failed: 0 }

  constructor(options: WatchedFileOptions<T>) {
    this.#options = options
  }

  /** The last good value; undefined before there was one. The same object until the file's text changes. */
  get value(): T | undefined {
    return this.#value
  }

  /** Reads now, and from now on whenever the file changes, until {@link close}. A second call joins the first. Never rejects. */
  start(): Promise<void> {
    this.#started ??= this.#poll()
    return this.#started
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /** Looks at the file once, or joins the look under way. Never rejects. */
  refresh(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #poll(): Promise<void> {
    await this.refresh()
    if (this.#closed) return
    this.#timer = setTimeout(() => void this.#poll(), this.#options.pollMs ?? POLL_MS)
    this.#timer.unref()
  }

  async #look(): Promise<void> {
    let reason: string | undefined
    try {
      await this.#read()
      reason = this.#parseError
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      reason = error instanceof FileProblem ? error.message : `cannot be read (${code ?? 'unknown error'})`
    }
    if (this.#closed) return
    this.#note(reason)
  }

  async #read(): Promise<void> {
    const { path, maxBytes = MAX_FILE_BYTES } = this.#options
    const file = await open(path, OPEN_FLAGS)
    try {
      const before = await statOf(file)
      if (before.seen === this.#seen) return
      if (before.size > maxBytes) throw new FileProblem(`longer than ${maxBytes} bytes`)
      const bytes = await file.readFile()
      const after = await statOf(file)
      if (after.seen !== before.seen || bytes.length !== Number(after.size)) throw new FileProblem('changed while read')
      if (this.#closed) return
      await this.#take(bytes)
      this.#seen = after.settled ? after.seen : ''
    } finally {
      await file.close()
    }
  }

  async #take(bytes: Buffer): Promise<void> {
    const digest = createHash('sha256').update(bytes).digest('hex')
    if (digest === this.#digest) return
    try {
      this.#value = await this.#options.parse(textOf(bytes))
      this.#parseError = undefined
    } catch (error) {
      this.#parseError = (error as Error).message
    }
    this.#digest = digest
  }

  #note(reason: string | undefined): void {
    const { path, log } = this.#options
    if (reason === undefined) {
      this.goodAt = performance.now()
      this.looks.ok++
      if (this.lastError !== undefined) log.info({ file: path }, 'file read again')
    } else {
      this.looks.failed++
      if (reason !== this.lastError) log.warn({ file: path, error: reason }, 'file not read: the last good one stays')
    }
    this.lastError = reason
  }
}

interface FileState {
  readonly seen: string
  readonly size: bigint
  readonly settled: boolean
}

async function statOf(file: FileHandle): Promise<FileState> {
  const stat = await file.stat({ bigint: true })
  if (!stat.isFile()) throw new FileProblem('not a regular file')
  const { dev, ino, size, mtimeNs, ctimeNs } = stat
  const age = BigInt(Date.now()) * 1_000_000n - (mtimeNs > ctimeNs ? mtimeNs : ctimeNs)
  return { seen: [dev, ino, size, mtimeNs, ctimeNs].join(':'), size, settled: age > UNSETTLED_NS }
}

/** Bytes that are no UTF-8 would silently become another text. */
function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new FileProblem('not UTF-8')
  }
}
