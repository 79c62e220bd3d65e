import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cleanup } from '../../agent/dev/cleanup.ts'
import { ManagedProcess } from '../../agent/dev/process.ts'
import { ROOT } from '../../agent/dev/tools.ts'

/** Clients that each wait for their answer before they send again (closed loop). */
export const CLIENTS = 64

/** What one run of wrk saw. */
export interface WrkResult {
  /** Answers of any status. */
  readonly requests: number
  readonly seconds: number
  /** Answers above 399: what HAProxy says when `decision` is absent or the SPOE filter reports an error. */
  readonly refused: number
  /** Connections that failed, reads and writes that failed, answers that took more than wrk's 2 s. */
  readonly broken: number
  /** Latency in microseconds. */
  readonly p50: number
  readonly p99: number
}

/** Sends as many requests as {@link CLIENTS} connections and one thread can, for that many seconds. */
export async function runWrk(url: string, seconds: number, folder: string, cleanup: Cleanup): Promise<WrkResult> {
  const logFile = join(folder, `wrk-${performance.now()}.log`)
  const wrk = new ManagedProcess({
    name: 'wrk',
    command: 'wrk',
    args: ['-t1', `-c${CLIENTS}`, `-d${seconds}s`, '-s', join(ROOT, 'bench/noop/wrk.lua'), url],
    logFile,
  })
  cleanup.add(() => wrk.stop())
  const end = await wrk.exited
  cleanup.throwIfStopping()
  const result = readFileSync(logFile, 'utf8').trimEnd().split('\n').at(-1) ?? ''
  if (!result.startsWith('{')) throw new Error(`wrk ${end}; its output ends with\n${wrk.logTail()}`)
  return JSON.parse(result) as WrkResult
}
