import { pino, type Logger } from 'pino'

export type { Logger }

/**
 * JSON lines on standard error: standard output belongs to results. Nothing is logged for a request that went as it
 * should, and never a token: redaction here is the last net, not the rule.
 */
export function createLogger(level: string, name: string): Logger {
  return pino(
    {
      name,
      level,
      redact: ['authorization', 'token', '*.authorization', '*.token', 'apiKey', '*.apiKey'],
      serializers: { error: pino.stdSerializers.err },
    },
    pino.destination({ dest: 2, sync: true }),
  )
}
