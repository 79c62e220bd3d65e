import { constants, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { loadConfig } from '../config/load.ts'
import { ConfigError, type Problem } from '../config/problem.ts'
import { type ValidConfig, validConfigOf } from './valid-config.ts'

/** What the thread says, once. */
export type Verdict =
  | { readonly valid: ValidConfig }
  | { readonly problems: readonly Problem[] }
  /** Something else than a wrong configuration. */
  | { readonly failure: string }

/** Entry of the thread that `validateInThread` starts. */
if (parentPort === null) throw new TypeError('validate-thread.ts is started by a reload, as a worker thread')
// Requests first. On Linux this is about the calling thread alone (setpriority(2)), elsewhere about the whole process.
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
parentPort.postMessage(judge(String(workerData)))

function judge(file: string): Verdict {
  try {
    return { valid: validConfigOf(loadConfig(file)) }
  } catch (error) {
    if (error instanceof ConfigError) return { problems: error.problems }
    return { failure: error instanceof Error ? error.message : String(error) }
  }
}
