import type { AgentCounters } from './api.ts'

/** Hands errors to the user's `onError`. What that throws is dropped: reporting must never break the loop. */
export class Reporter {
  readonly counters: AgentCounters
  readonly #onError: ((error: unknown) => void) | undefined

  constructor(counters: AgentCounters, onError?: (error: unknown) => void) {
    this.counters = counters
    this.#onError = onError
  }

  report(error: unknown): void {
    try {
      const result: unknown = this.#onError?.(error)
      // It may be async, against its type; a rejection would end the process.
      if (result instanceof Promise) result.catch(() => {})
    } catch {
      // Nowhere left to report to.
    }
  }

  handlerError(error: unknown): void {
    this.counters.handlerErrors++
    this.report(error)
  }

  protocolError(error: unknown): void {
    this.counters.protocolErrors++
    this.report(error)
  }

  variableRefused(error: unknown): void {
    this.counters.variablesRefused++
    this.report(error)
  }
}
