import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../agent/dev/tools.ts'
import { newFolder, removeFolder } from './folder.ts'
import type { ConfigFiles } from './shipped-files.ts'

export interface CommandOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
}

export interface CommandResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/**
 * `haproxy-temporal` as a user runs it, in a home and a temporary folder of its own, so that a test can tell whether it
 * left a file or a process behind.
 */
export class RunningCommand {
  readonly #child: ChildProcess
  readonly #mark = randomUUID()
  readonly #home: string
  readonly result: Promise<CommandResult>
  stdout = ''
  stderr = ''

  constructor(args: readonly string[], options: CommandOptions = {}) {
    this.#home = newFolder()
    this.#child = spawn(join(ROOT, 'bin/haproxy-temporal'), args, {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, HOME: this.#home, TMPDIR: this.#home, COMMAND_MARK: this.#mark, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()))
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()))
    this.result = new Promise((resolve) => {
      this.#child.once('close', (code) => resolve({ code, stdout: this.stdout, stderr: this.stderr }))
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Waits until standard error holds `text`. */
  async untilStderr(text: string): Promise<void> {
    await this.#until(() => this.stderr.includes(text), `"${text}" on standard error`)
  }

  async untilStdout(text: string): Promise<void> {
    await this.#until(() => this.stdout.includes(text), `"${text}" on standard output`)
  }

  async #until(probe: () => boolean, what: string): Promise<void> {
    while (!probe()) {
      // A signal leaves no exit code.
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`ended before ${what}; it said\n${this.stdout}\n${this.stderr}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** Processes of this command, itself included, that still run: their environment carries its mark. */
  survivors(): string[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => readProc(pid, 'environ').includes(this.#mark))
      .map((pid) => readProc(pid, 'cmdline').replaceAll('\0', ' '))
  }

  /** Files in its home and temporary folder. */
  strayFiles(): string[] {
    return readdirSync(this.#home, { recursive: true }).map(String)
  }

  dispose(): void {
    this.#child.kill('SIGKILL')
    removeFolder(this.#home)
  }
}

/** What `check` says of these files, as JSON. */
export async function checkFiles(
  { config, haproxy, spoe }: ConfigFiles,
  env: Readonly<Record<string, string | undefined>>,
): Promise<unknown> {
  const args = ['check', '--config', config, '--haproxy', haproxy, '--spoe', spoe, '--json']
  const command = new RunningCommand(args, { env })
  const { stdout } = await command.result
  command.dispose()
  return JSON.parse(stdout) as unknown
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    // It has ended in between.
    return ''
  }
}
