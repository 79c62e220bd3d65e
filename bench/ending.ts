import type { Cleanup } from '../agent/dev/cleanup.ts'
import { UserError } from '../agent/errors.ts'

let interrupted = false

/** Ctrl-C and SIGTERM stop everything that has been started, then this process. */
export function endOnSignal(current: () => Cleanup): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      interrupted = true
      void current()
        .run()
        .finally(() => process.exit(signal === 'SIGINT' ? 130 : 143))
    })
  }
}

/** Ends with exit code 1. What was interrupted fails, too, but nobody wants to read how: the signal ends the process. */
export async function fail(error: unknown): Promise<never> {
  if (interrupted) return new Promise(() => {})
  if (!(error instanceof UserError)) throw error
  console.error(`error: ${error.message}`)
  process.exit(1)
}
