import { SpopError } from 'node-spoe'
import { LineBudget } from './line-budget.ts'
import type { Logger } from './log.ts'

/** Logs what went wrong on the SPOP side. A hostile peer may fail as often as it likes: the counters know how often. */
export function spopErrorLog(log: Pick<Logger, 'warn' | 'error'>): (error: unknown) => void {
  const budget = new LineBudget()
  return (error) => {
    const suppressed = budget.take()
    if (suppressed === undefined) return
    const more = suppressed === 0 ? {} : { suppressed }
    if (!(error instanceof SpopError)) log.error({ error, ...more }, 'a decision failed, its request was answered 503')
    else if (error.code.startsWith('ERR_SPOP_VARIABLE'))
      log.warn(
        { code: error.code, reason: error.message, ...more },
        'HAProxy would refuse a variable, so it was not set',
      )
    else log.warn({ code: error.code, reason: error.message, ...more }, 'a SPOP connection went wrong')
  }
}
