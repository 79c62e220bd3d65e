// Loaded into an agent before everything else, in all of its threads: the one that the file CHAOS_THREAD names dies, once.
import { readFileSync, rmSync } from 'node:fs'
import { isMainThread, threadName } from 'node:worker_threads'

const file = process.env['CHAOS_THREAD']

/** By an error that nobody catches, or by an end without one. */
function die(path: string): void {
  let order: string
  try {
    order = readFileSync(path, 'utf8')
  } catch {
    // Not written yet, or done.
    return
  }
  if (order !== `${threadName} throws` && order !== `${threadName} exits`) return
  // First, so that the thread that takes its place lives.
  rmSync(path)
  if (order.endsWith('throws')) throw new Error('the fault suite')
  process.exit(9)
}

if (file !== undefined && !isMainThread) setInterval(() => die(file), 20).unref()
