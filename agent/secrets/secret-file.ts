import { stat, readFile } from 'node:fs/promises'
import type { Log } from '../identity/log.ts'
import { Secret } from './secret.ts'

/** How agent.yaml gives a secret. */
export type SecretConfig = { readonly value: string } | { readonly file: string }

/** Milliseconds between two looks at a file. Kubernetes swaps a symlink, so the file is asked, not watched. */
const POLL_MS = 10_000

/** Bytes. */
const MAX_FILE_BYTES = 1024 * 1024

export interface WatchedFileOptions<T> {
  readonly path: string
  /** Makes the value out of the file's text. @throws {Error} whose message holds nothing of the text */
  readonly parse: (text: string) => T
  readonly log: Log
  readonly pollMs?: number
}

/**
 * A file that is read again when it changes (inode, size or time). A file that cannot be read or parsed leaves the last
 * good value in place, and `lastError` says why.
 */
export class WatchedFile<T> {
  readonly #options: WatchedFileOptions<T>
  #value: T | undefined
  #seen = ''
  #timer: NodeJS.Timeout | undefined
  #closed = false
  /** Why the latest read failed; undefined after a success. Never holds bytes of the file. */
  lastError: string | undefined

  constructor(options: WatchedFileOptions<T>) {
    this.#options = options
  }

  /** The last good value; undefined before there was one. */
  get value(): T | undefined {
    return this.#value
  }

  /** Reads now, and from now on whenever the file changes, until {@link close}. Never rejects. */
  async start(): Promise<void> {
    await this.refresh()
    if (this.#closed) return
    this.#timer = setTimeout(() => void this.start(), this.#options.pollMs ?? POLL_MS)
    this.#timer.unref()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /** Looks at the file once. Never rejects. */
  async refresh(): Promise<void> {
    const { path, parse, log } = this.#options
    try {
      const { ino, size, mtimeMs } = await stat(path)
      const seen = `${ino}:${size}:${mtimeMs}`
      if (seen === this.#seen) return
      if (size > MAX_FILE_BYTES) throw new Error(`longer than ${MAX_FILE_BYTES} bytes`)
      const text = await readFile(path, 'utf8')
      this.#seen = seen
      this.#value = parse(text)
      if (this.lastError !== undefined) log.info({ file: path }, 'file read again')
      this.lastError = undefined
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      const reason = code === undefined ? (error as Error).message : `cannot be read (${code})`
      if (reason !== this.lastError) log.warn({ file: path, error: reason }, 'file not read: the last good one stays')
      this.lastError = reason
    }
  }
}

/** A secret from agent.yaml: its value, or the file that holds it, without white space at the ends. */
export class SecretSource {
  readonly #fixed: Secret | undefined
  readonly #file: WatchedFile<Secret> | undefined

  constructor(config: SecretConfig, log: Log) {
    if ('value' in config) this.#fixed = new Secret(config.value)
    else this.#file = new WatchedFile({ path: config.file, log, parse: parseSecret })
  }

  /** Undefined while its file could never be read. */
  get current(): Secret | undefined {
    return this.#fixed ?? this.#file?.value
  }

  get lastError(): string | undefined {
    return this.#file?.lastError
  }

  async start(): Promise<void> {
    await this.#file?.start()
  }

  close(): void {
    this.#file?.close()
  }
}

function parseSecret(text: string): Secret {
  const trimmed = text.trim()
  if (trimmed === '') throw new Error('empty')
  return new Secret(trimmed)
}
