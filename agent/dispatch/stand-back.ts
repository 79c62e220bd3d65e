import { readlinkSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { basename } from 'node:path'

/**
 * Lets the thread that decides go first wherever there are fewer cores than threads that want one: this thread's work is
 * behind the answer. On Linux each thread has a priority of its own; elsewhere nothing happens.
 */
export function standBack(): void {
  try {
    // `<pid>/task/<tid>`
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // Without /proc, or where somebody forbids it, all threads are equal.
  }
}
