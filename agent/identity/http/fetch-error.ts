/** A call that gave no whole, bounded answer. The message is ours alone: never the peer's bytes, never a secret. */
export class FetchError extends Error {
  override readonly name = 'FetchError'
  /** HTTP status, where there was one. */
  readonly status: number | undefined
  /** Milliseconds for which the peer asks to be left alone (Retry-After of a 429 or 503); not bounded yet. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, answer: { readonly status?: number; readonly retryAfterMs?: number | undefined } = {}) {
    super(message)
    this.status = answer.status
    this.retryAfterMs = answer.retryAfterMs
  }
}
