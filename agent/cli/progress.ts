import { Worker } from 'node:worker_threads'

/** What the thread that tells of it is given. */
export interface Progress {
  readonly what: string
}

/** Clears the line that the cursor is in. */
export const CLEAR = '\r\x1b[K'

/**
 * Does the work, and says on a terminal that it goes on when it takes longer than a second. In a thread of its own: work on
 * a file lets nothing else happen in this one.
 */
export async function withProgress<T>(what: string, work: () => Promise<T>): Promise<T> {
  if (!process.stderr.isTTY) return work()
  const started = performance.now()
  const workerData: Progress = { what }
  const thread = new Worker(
    new URL(`./progress-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
    {
      workerData,
      name: 'progress',
    },
  )
  // Words about the work are not worth its failure.
  thread.on('error', () => {})
  try {
    return await work()
  } finally {
    await thread.terminate()
    if (performance.now() - started >= 1000) process.stderr.write(CLEAR)
  }
}
