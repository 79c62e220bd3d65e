import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { until } from './wait.ts'

export interface TemporalServer {
  readonly address: string
  /** Ends the server by its pid and waits until it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again on the same port with the same database. */
  start(): Promise<void>
}

const CANDIDATES = [
  process.env['TEMPORAL_CLI'],
  join(import.meta.dirname, '../../../../.toolchain/bin/temporal'),
  ...(process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'temporal')),
]

/** The dev server's binary; undefined where none is installed. */
export const temporalBinary = CANDIDATES.find((path) => path !== undefined && isExecutable(path))

/** A dev server on the given port, not yet started. It ends with the test, or with the test's process. */
export function temporalServer(port: number, folder: string): TemporalServer {
  let child: ChildProcess | undefined
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    const ending = child
    child = undefined
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return
    const gone = new Promise((resolve) => ending.once('exit', resolve))
    ending.kill(signal)
    await gone
  }
  const start = async (): Promise<void> => {
    if (temporalBinary === undefined) throw new Error('no temporal binary: set TEMPORAL_CLI')
    let output = ''
    const args = [
      'server',
      'start-dev',
      '--headless',
      '--ip',
      '127.0.0.1',
      '--port',
      String(port),
      '--log-level',
      'error',
    ]
    const db = [
      '--db-filename',
      join(folder, 'temporal.db'),
      '--sqlite-pragma',
      'journal_mode=WAL',
      '--sqlite-pragma',
      'synchronous=OFF',
    ]
    child = spawn(temporalBinary, [...args, ...db], { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout?.on('data', (bytes) => (output += String(bytes)))
    child.stderr?.on('data', (bytes) => (output += String(bytes)))
    const mine = child
    const killNow = (): void => void mine.kill('SIGKILL')
    process.once('exit', killNow)
    child.once('exit', () => process.off('exit', killNow))
    await until(() => {
      if (mine.exitCode !== null) throw new Error(`temporal ended with ${mine.exitCode}:\n${output}`)
      return accepts(port)
    })
  }
  onTestFinished(() => stop('SIGKILL'))
  return { address: `127.0.0.1:${port}`, stop, start }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => (socket.destroy(), resolve(true)))
    socket.once('error', () => resolve(false))
  })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    // Not there or not ours to run: the next candidate is tried.
    return false
  }
}
