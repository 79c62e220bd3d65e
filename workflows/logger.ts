import { DefaultLogger, type Logger as TemporalLogger } from '@temporalio/worker'

/** What a worker needs of a logger; a pino logger is one. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Sends what Temporal's SDK, workflows and activities log to our logger. */
export function bridgeLogger(logger: Logger): TemporalLogger {
  // Level TRACE: which levels are written is the decision of the logger behind the bridge.
  return new DefaultLogger('TRACE', ({ level, message, meta }) => {
    const fields = { ...meta }
    if (level === 'ERROR') logger.error(fields, message)
    else if (level === 'WARN') logger.warn(fields, message)
    else if (level === 'INFO') logger.info(fields, message)
    else logger.debug(fields, message)
  })
}
