import { Worker } from 'node:worker_threads'
import { ConfigError } from '../config/problem.ts'
import type { ValidConfig } from './valid-config.ts'
import type { Verdict } from './validate-thread.ts'

/**
 * Reads and checks a configuration in a thread of its own: hundreds of rules take longer to read than a request may wait.
 * @throws {ConfigError} with every problem found
 */
export function validateInThread(file: string): Promise<ValidConfig> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(threadFile(), { workerData: file, name: 'validate' })
    worker.once('message', (verdict: Verdict) => {
      if ('valid' in verdict) resolve(verdict.valid)
      else reject('problems' in verdict ? new ConfigError(verdict.problems) : new Error(verdict.failure))
    })
    worker.once('error', reject)
    // Comes after the message, if there was one.
    worker.once('exit', (code) => reject(new Error(`the thread that checks the configuration ended (${code})`)))
  })
}

/** The compiler rewrites import specifiers, not URLs: the extension is that of this very file, `.ts` or `.js`. */
function threadFile(): URL {
  return new URL(`./validate-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
}
