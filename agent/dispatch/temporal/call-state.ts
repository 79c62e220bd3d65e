import { STATUS } from '../classify.ts'
import type { TemporalState } from '../protocol.ts'
import { reasonOf } from './call-error.ts'

/** How Temporal is, by what the latest calls came to. */
export class CallState {
  #state: TemporalState = 'unknown'
  #error: string | undefined

  get state(): TemporalState {
    return this.#state
  }

  /** Why the latest call got no answer, or why Temporal does not want us; undefined while all is well. */
  get error(): string | undefined {
    return this.#error
  }

  /** One call is over, with that error or none. Returns whether that is news. */
  observe(error: { readonly code: number } | null): boolean {
    if (error === null) return this.#state !== 'connected' && this.#become('connected', undefined)
    const { code } = error
    // A slow workflow says nothing of the connection.
    if (code === STATUS.DEADLINE_EXCEEDED || code === STATUS.CANCELLED) return false
    if (code === STATUS.UNAVAILABLE || isRefusal(error)) return this.#become('unavailable', reasonOf(error))
    return this.#become('connected', undefined)
  }

  /** A new connection was answered. */
  reset(): void {
    this.#become('connected', undefined)
  }

  #become(state: TemporalState, error: string | undefined): boolean {
    const isNews = state !== this.#state || error !== this.#error
    this.#state = state
    this.#error = error
    return isNews
  }
}

/** Whether Temporal does not take us for who we say we are, or not for somebody who may. */
export function isRefusal({ code }: { readonly code: number }): boolean {
  return code === STATUS.UNAUTHENTICATED || code === STATUS.PERMISSION_DENIED
}
