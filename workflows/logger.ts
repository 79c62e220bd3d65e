import { DefaultLogger, type Logger as TemporalLogger } from '@temporalio/worker'

/** What a worker needs of a logger; a pino logger is one. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/**
 * What the SDK's core says again and again while Temporal is away, one line per call and try. The worker host says it
 * once, when it begins and when it ends.
 */
const REPEATED = new Set<unknown>(['temporalio_client::retry', 'temporalio_sdk_core::worker::heartbeat'])

/** Sends what Temporal's SDK, workflows and activities log to our logger. */
export function bridgeLogger(logger: Logger): TemporalLogger {
  // Level TRACE: which levels are written is the decision of the logger behind the bridge.
  return new DefaultLogger('TRACE', ({ level, message, meta }) => {
    const { error, ...rest } = meta ?? {}
    // `err` is the field under which pino writes an error with message and stack.
    const fields = error === undefined ? rest : { ...rest, err: error as unknown }
    // The life of the SDK's worker is ours to tell; INFO from workflows and activities is news.
    const chatter = level === 'INFO' && rest['sdkComponent'] === 'worker'
    if (chatter || REPEATED.has(rest['target'])) logger.debug(fields, message)
    else if (level === 'ERROR') logger.error(fields, message)
    else if (level === 'WARN') logger.warn(fields, message)
    else if (level === 'INFO') logger.info(fields, message)
    else logger.debug(fields, message)
  })
}
