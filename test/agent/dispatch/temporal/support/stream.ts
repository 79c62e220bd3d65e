import { setImmediate } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import type { TemporalCalls } from '../../../../../agent/dispatch/temporal/connections.ts'

export interface Stream {
  readonly made: readonly string[]
  readonly answered: ReadonlySet<string>
  /** What calls failed with; nothing else than empty is right here. */
  readonly failures: readonly unknown[]
  /** Ends it, when all calls have their answers. */
  stop(): Promise<void>
}

/** Makes calls without a pause, eight at a time, each with a request id of its own, until it is stopped. */
export function streamOfCalls(calls: TemporalCalls, namespace = 'edge'): Stream {
  const made: string[] = []
  const answered = new Set<string>()
  const failures: unknown[] = []
  let going = true
  const lane = async (): Promise<void> => {
    while (going) {
      const requestId = `event-${made.length}`
      made.push(requestId)
      try {
        await calls.start({ namespace, requestId })
        answered.add(requestId)
      } catch (error) {
        failures.push(error)
      }
      await setImmediate()
    }
  }
  const lanes = Promise.all(Array.from({ length: 8 }, lane))
  const stop = async (): Promise<void> => {
    going = false
    await lanes
  }
  onTestFinished(stop)
  return { made, answered, failures, stop }
}
