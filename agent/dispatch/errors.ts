/** Every error this folder throws or logs, with what the operator can do about it. */
const TABLE = {
  DISPATCH_THREAD_FAILED: 'the dispatcher thread could not start',
  DISPATCH_OUTBOX_LOCKED: 'another process holds the outbox: give each agent its own outbox.path',
  DISPATCH_OUTBOX_CORRUPT: 'the outbox file is damaged: it is set aside, look into it with sqlite3',
  DISPATCH_OUTBOX_FULL: 'the disk has no room for the outbox: make room, events are taken again by themselves',
  DISPATCH_OUTBOX_KEY: 'a row of the outbox is encrypted with a key that is not there: add it to the key file again',
  DISPATCH_OUTBOX_NEWER: 'the outbox was written by a newer release: it is set aside, run that release to deliver it',
} as const

export type DispatchErrorCode = keyof typeof TABLE

/** An error of the dispatcher. `message` is the table's text and the detail, `code` stays stable across releases. */
export class DispatchError extends Error {
  readonly code: DispatchErrorCode

  constructor(code: DispatchErrorCode, detail?: string, cause?: unknown) {
    super(
      detail === undefined ? TABLE[code] : `${TABLE[code]} (${detail})`,
      cause === undefined ? undefined : { cause },
    )
    this.name = 'DispatchError'
    this.code = code
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
