import type { Log } from '../../../agent/identity/log.ts'

/** Keeps what is logged. */
export interface KeptLog extends Log {
  readonly lines: string[]
}

export function keptLog(): KeptLog {
  const lines: string[] = []
  const keep = (level: string) => (fields: object, message: string) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  }
  return { lines, info: keep('info'), warn: keep('warn'), error: keep('error') }
}
