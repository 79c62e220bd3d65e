import type { EndpointOptions } from '../protocol.ts'
import { CredentialFiles, type FileProblem } from './credential-files.ts'
import type { Credentials } from './credentials.ts'

/** Milliseconds between two looks at the files. */
export const POLL_MS = 10_000

/** The same while there is nothing to show: somebody waits for it. */
const EAGER_POLL_MS = 1_000

/** The part of a log that is used here. */
interface Log {
  info(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface CredentialSourceOptions {
  readonly endpoint: Pick<EndpointOptions, 'tls' | 'apiKey'>
  readonly log: Log
  /** Milliseconds between two looks at the files; ten seconds when absent. */
  readonly pollMs?: number | undefined
}

/**
 * What to show an endpoint, read again when its files change. Files that make no set that belongs together, such as a new
 * certificate whose key is still to be written, leave the last good set in place.
 */
export class CredentialSource {
  readonly #files: CredentialFiles
  readonly #log: Log
  readonly #pollMs: number
  readonly #listeners = new Set<() => void>()
  #current: Credentials | undefined
  #problem: FileProblem | undefined
  /** What the look before had to object to. */
  #suspected: FileProblem | undefined
  #looked = false
  #started: Promise<void> | undefined
  #looking: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor({ endpoint, log, pollMs }: CredentialSourceOptions) {
    this.#files = new CredentialFiles(endpoint)
    this.#log = log
    this.#pollMs = pollMs ?? POLL_MS
    if (this.#files.none) this.#current = this.#files.read(Date.now()).credentials
  }

  /** The last good set; undefined before there was one. The same object until a file of it changes. */
  get current(): Credentials | undefined {
    return this.#current
  }

  /** Why what the files hold now is not, or not wholly, in `current`. */
  get problem(): string | undefined {
    return this.#problem && `${this.#problem.file}: ${this.#problem.reason}`
  }

  /** Calls back when `current` or `problem` has changed. Returns the way to end that. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Reads now, and from now on when files change, until {@link close}. A second call joins the first. Never rejects. */
  start(): Promise<void> {
    this.#started ??= this.#files.none ? Promise.resolve() : this.#poll()
    return this.#started
  }

  /** Looks at the files once, or joins the look under way. Never rejects. */
  refresh(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#listeners.clear()
    this.#files.close()
  }

  async #poll(): Promise<void> {
    await this.refresh()
    if (this.#closed) return
    const pollMs = this.#current === undefined ? Math.min(EAGER_POLL_MS, this.#pollMs) : this.#pollMs
    this.#timer = setTimeout(() => void this.#poll(), pollMs)
    this.#timer.unref()
  }

  async #look(): Promise<void> {
    await this.#files.refresh()
    if (this.#closed) return
    const now = Date.now()
    const { credentials, problem } = this.#files.read(now)
    const taken = this.#take(credentials, now)
    const told = this.#note(problem)
    if (taken || told) for (const listener of this.#listeners) listener()
  }

  #take(next: Credentials | undefined, now: number): boolean {
    const current = this.#current
    if (next === undefined) return false
    if (current !== undefined) {
      if ([...next.files].every(([path, value]) => current.files.get(path) === value)) return false
      // Whether an expired certificate is taken all the same is for the server to say, but not while there is a better one.
      if (isOver(next, now) && !isOver(current, now)) return false
    }
    this.#current = next
    return true
  }

  /** Files that are being exchanged do not fit for a moment: only what two looks in a row object to is told. */
  #note(problem: FileProblem | undefined): boolean {
    const isNews = this.#looked && this.#current !== undefined && !sameProblem(problem, this.#suspected)
    this.#looked = true
    this.#suspected = problem
    if (problem !== undefined && isNews) return false
    if (sameProblem(problem, this.#problem)) return false
    if (problem !== undefined) {
      const instead = this.#current === undefined ? 'there is no connection until it can' : 'what is in use stays'
      this.#log.error({ ...problem }, `a credential for Temporal cannot be used: ${instead}`)
    } else this.#log.info({ file: this.#problem?.file }, 'the credentials for Temporal are in order again')
    this.#problem = problem
    return true
  }
}

function isOver({ expiresAt }: Credentials, now: number): boolean {
  return expiresAt !== undefined && expiresAt <= now
}

function sameProblem(a: FileProblem | undefined, b: FileProblem | undefined): boolean {
  return a?.file === b?.file && a?.reason === b?.reason
}
