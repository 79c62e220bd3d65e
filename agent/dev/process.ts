import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export interface ProcessOptions {
  /** How messages call it. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Gets standard output and standard error, appended. */
  readonly logFile: string
}

/** How long a process may take to stop by itself before it is killed, in milliseconds. */
const STOP_TIMEOUT_MS = 15_000

/** A child process that cannot outlive this one, whatever ends it. */
export class ManagedProcess {
  readonly name: string
  readonly logFile: string
  /** Resolves with a sentence about how it ended. */
  readonly exited: Promise<string>
  readonly #child: ChildProcess
  #end: string | undefined

  constructor(options: ProcessOptions) {
    this.name = options.name
    this.logFile = options.logFile
    const log = openSync(options.logFile, 'a')
    const [command, args] = dyingWithUs(options.command, options.args)
    this.#child = spawn(command, args, {
      stdio: ['ignore', log, log],
      // A session of its own: Ctrl-C in the terminal reaches us alone, and we stop everything in the right order.
      detached: true,
      env: { ...process.env, ...options.env },
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    })
    closeSync(log)
    this.exited = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve((this.#end = `could not be started: ${error.message}`)))
      this.#child.once('exit', (code, signal) => resolve((this.#end = `ended with ${signal ?? `exit code ${code}`}`)))
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** How it ended; `undefined` while it runs. */
  get end(): string | undefined {
    return this.#end
  }

  /** Sends a signal; no effect once it has ended. */
  signal(signal: NodeJS.Signals): void {
    if (this.#end === undefined) this.#child.kill(signal)
  }

  /** Asks it to end, waits, and after 15 s kills it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.signal(signal)
    // A stopped process takes no other signal until it goes on.
    this.signal('SIGCONT')
    const killer = setTimeout(() => this.signal('SIGKILL'), STOP_TIMEOUT_MS)
    await this.exited
    clearTimeout(killer)
  }

  /** The last lines of its output, for error messages. */
  logTail(lines = 15): string {
    const text = existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : ''
    return text
      .trimEnd()
      .split('\n')
      .slice(-lines)
      .map((line) => `    ${line}`)
      .join('\n')
  }
}

/** The kernel ends the child when we die without a chance to stop it; `setpriv` is part of util-linux. */
function dyingWithUs(command: string, args: readonly string[]): [string, readonly string[]] {
  const setpriv = process.platform === 'linux' ? findOnPath('setpriv') : undefined
  return setpriv === undefined ? [command, args] : [setpriv, ['--pdeathsig', 'TERM', '--', command, ...args]]
}

/** The first file of that name in a folder of PATH. */
export function findOnPath(name: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file))
}

/**
 * Waits until `probe` is true, asking every 50 ms.
 * @param process_ the one that has to get ready for it
 * @throws when `timeoutMs` has passed or the process has ended, with the end of its output
 */
export async function waitUntil(
  what: string,
  probe: () => Promise<boolean>,
  process_?: ManagedProcess,
  timeoutMs = 30_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await probe())) {
    const ended = process_?.end
    if (ended !== undefined)
      throw new Error(`${process_?.name} ${ended} before it was ready; its output ends with\n${process_?.logTail()}`)
    if (Date.now() > deadline) {
      const output = process_ === undefined ? '' : `; the output of ${process_.name} ends with\n${process_.logTail()}`
      throw new Error(`waited ${timeoutMs / 1000} s for ${what}${output}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
