/** A failure of our own that looks as gRPC's look, so that one classification serves for both. */
export class CallError extends Error {
  override readonly name = 'CallError'
  /** gRPC status code. */
  readonly code: number
  readonly details: string

  constructor(code: number, details: string) {
    super(`${code}: ${details}`)
    this.code = code
    this.details = details
  }
}

/** gRPC's own words for a failed call; those of any other error as they are. */
export function reasonOf(error: unknown): string {
  const { code, details, message } = (error ?? {}) as { code?: unknown; details?: unknown; message?: unknown }
  const text = typeof details === 'string' && details !== '' ? details : String(message ?? error)
  return typeof code === 'number' ? `gRPC status ${code}: ${text}` : text
}
