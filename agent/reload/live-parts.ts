import type { Agent } from 'node-spoe'
import type { Budgets } from '../budgets.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { Limiters } from '../limits/limiters.ts'
import type { AgentParts } from '../parts.ts'
import type { VerdictTable } from '../verdicts/verdict-table.ts'
import type { Windows } from '../windows/windows.ts'
import type { Reloader } from './reloader.ts'

interface Lasting {
  readonly spop: Agent
  readonly dispatcher: Dispatcher
  readonly windows: Windows
  readonly budgets: Budgets
  readonly reloader: Reloader
  readonly limiters: Limiters
  readonly verdicts: VerdictTable
}

/** What the admin server looks at: always that of the generation in force. */
export function livePartsOf({ spop, dispatcher, windows, budgets, reloader, limiters, verdicts }: Lasting): AgentParts {
  return {
    spop,
    dispatcher,
    windows,
    budgets,
    limiters,
    verdicts,
    // All generations count in the same place.
    decisions: reloader.current.counters,
    config: reloader,
    get authenticator() {
      return reloader.current.identity.authenticator
    },
    get revocations() {
      return reloader.current.identity.revocations
    },
    get dpop() {
      return reloader.current.identity.dpop
    },
    get audit() {
      return reloader.current.audit
    },
  }
}
