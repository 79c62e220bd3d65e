import { close, fstat, open, stat, write } from 'node:fs'
import { promisify } from 'node:util'

const closeFd = promisify(close)
const openFd = promisify(open)
const statFd = promisify(fstat)
const statPath = promisify(stat)
const writeFd = promisify(write)

/** The agent's owner and group may read it: records name people. */
const MODE = 0o640
/** Milliseconds between two looks at whether another file has taken the name. */
const LOOK_MS = 1000
const STDOUT = 1
const NOTHING = Buffer.alloc(0)

/**
 * Where lines are appended: a file, or standard output. The file is opened when it is needed and again when another one
 * has taken its name, so `logrotate` needs neither a signal nor `copytruncate`. Writes are asynchronous even to a pipe,
 * where `process.stdout` would hold up the whole agent while the reader is slow.
 */
export class LineFile {
  readonly #path: string | undefined
  readonly #monotonicMs: () => number
  #fd: number | undefined
  #identity = ''
  #lookAt = 0
  #pending: Buffer = NOTHING
  /** Bytes of it that are written. */
  #sent = 0

  /** @param path undefined for standard output */
  constructor(path: string | undefined, monotonicMs: () => number) {
    this.#path = path
    this.#monotonicMs = monotonicMs
    if (path === undefined) this.#fd = STDOUT
  }

  /**
   * Writes whole lines, after what is left of earlier ones. One call at a time. What a failure leaves unwritten is kept
   * and written first the next time, from the byte where it broke off, so that no line is torn or lost.
   * @throws {NodeJS.ErrnoException} from opening or writing
   */
  async append(lines: string): Promise<void> {
    this.#pending = Buffer.concat([this.#pending, Buffer.from(lines)])
    await this.flush()
  }

  /** Tries again to write what is left over. @throws {NodeJS.ErrnoException} */
  async flush(): Promise<void> {
    const fd = await this.#open()
    while (this.#sent < this.#pending.length) {
      const { bytesWritten } = await writeFd(fd, this.#pending, this.#sent, this.#pending.length - this.#sent, null)
      this.#sent += bytesWritten
    }
    this.#pending = NOTHING
    this.#sent = 0
  }

  /** Looks at the next write whether the file is still the one of that name. */
  reopen(): void {
    this.#lookAt = 0
  }

  async close(): Promise<void> {
    const fd = this.#fd
    this.#fd = undefined
    if (fd !== undefined && fd !== STDOUT) await closeFd(fd)
  }

  async #open(): Promise<number> {
    if (this.#path === undefined) return STDOUT
    const now = this.#monotonicMs()
    if (this.#fd !== undefined && now >= this.#lookAt) {
      this.#lookAt = now + LOOK_MS
      if ((await identityOf(this.#path)) !== this.#identity) await this.close()
    }
    if (this.#fd === undefined) {
      const fd = await openFd(this.#path, 'a', MODE)
      this.#fd = fd
      const { dev, ino } = await statFd(fd)
      const identity = `${dev}:${ino}`
      // The first half of a line is in another file: here it begins anew.
      if (identity !== this.#identity && this.#sent > 0)
        this.#sent = this.#pending.lastIndexOf('\n', this.#sent - 1) + 1
      this.#identity = identity
      this.#lookAt = now + LOOK_MS
    }
    return this.#fd
  }
}

async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await statPath(path)
    return `${dev}:${ino}`
  } catch {
    // Gone: whoever moved it expects a new one.
    return undefined
  }
}
