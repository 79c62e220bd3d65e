import { stat } from 'node:fs/promises'
import type { Log } from '../identity/log.ts'

/** Milliseconds between two looks. */
const LOOK_MS = 1000
/** Milliseconds by which the clocks of file systems may be coarse. */
const COARSE_MS = 2000

export interface FileWatchOptions {
  readonly path: string
  /** Called when the file has changed and been left alone since the look before. */
  readonly changed: () => void
  readonly log: Log
  /** When it was read, milliseconds since the epoch: changed since then or shortly before, it counts as changed. */
  readonly readAt?: number
  readonly lookMs?: number
}

/**
 * Watches one file by asking for its state: editors replace it by another one and Kubernetes swaps a symlink above it, and
 * both end a watch on what was there before. A change counts when two looks in a row see the same, so that a file that is
 * being written is not read half. While the file is away, nothing happens: whoever moves one into place may need a moment.
 */
export class FileWatch {
  readonly #options: FileWatchOptions
  /** State that is known to be in force, or was told; undefined before the first look. */
  #told: string | undefined
  #seen: string | undefined
  #away = false
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: FileWatchOptions) {
    this.#options = options
  }

  /** Begins to look. Never rejects. */
  async start(): Promise<void> {
    await this.look()
    this.#later()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /** Looks once. Never rejects. */
  async look(): Promise<void> {
    const { path, changed, log, readAt = Number.POSITIVE_INFINITY } = this.#options
    let state: string
    let since: number
    try {
      const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = await stat(path, { bigint: true })
      state = [dev, ino, size, mtimeNs, ctimeNs].join(':')
      since = Number(ctimeMs)
    } catch (error) {
      const { code = 'unknown error' } = error as NodeJS.ErrnoException
      if (!this.#away)
        log.warn({ file: path, error: code }, 'the configuration cannot be looked at: what is in force stays')
      this.#away = true
      return
    }
    this.#away = false
    if (this.#closed) return
    const settled = state === this.#seen
    this.#seen = state
    if (this.#told === undefined) this.#told = since > readAt - COARSE_MS ? '' : state
    else if (settled && state !== this.#told) {
      this.#told = state
      changed()
    }
  }

  #later(): void {
    if (this.#closed) return
    this.#timer = setTimeout(() => void this.look().then(() => this.#later()), this.#options.lookMs ?? LOOK_MS)
    this.#timer.unref()
  }
}
