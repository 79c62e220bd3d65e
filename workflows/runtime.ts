import { Runtime } from '@temporalio/worker'
import { bridgeLogger, type Logger } from './logger.ts'

let installed = false

/**
 * Sets up the native core of the process, once: the first logger stays. To be called before anything native is made;
 * a runtime that someone else has made already is left as it is.
 */
export function installRuntime(logger: Logger): void {
  if (installed) return
  installed = true
  if (Runtime._instance !== undefined) {
    logger.warn({}, "Temporal's runtime was made before the worker's: its log goes its own way")
    return
  }
  Runtime.install({
    logger: bridgeLogger(logger),
    // The command line owns SIGINT and SIGTERM: it stops several things in order, of which the worker is one.
    shutdownSignals: [],
    telemetryOptions: { logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } } },
  })
}
