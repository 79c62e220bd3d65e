import type { Log } from '../../../../../agent/dispatch/protocol.ts'

export interface RecordedLog extends Log {
  readonly lines: { readonly level: string; readonly fields: Record<string, unknown>; readonly message: string }[]
  /** Messages of one level. */
  at(level: string): string[]
}

export function recordedLog(): RecordedLog {
  const lines: RecordedLog['lines'] = []
  const line = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields: { ...fields }, message })
  return {
    lines,
    at: (level) => lines.filter((one) => one.level === level).map((one) => one.message),
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
  }
}
