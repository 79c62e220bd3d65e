import type { FromThread, Log, LogLevel } from './protocol.ts'

/** A log whose lines travel to the hot side, which owns the process's log. */
export function forwardingLog(post: (message: FromThread) => void): Log {
  const line = (level: LogLevel) => (fields: object, message: string) => post({ type: 'log', level, fields, message })
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}
