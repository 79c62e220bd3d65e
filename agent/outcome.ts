import { message, type MessageHandler } from 'node-spoe'
import type { DecisionCounters } from './counters.ts'

/** Arguments of the `outcome` message in spoe.conf, by name. */
export const OUTCOME_ARGUMENTS = {
  id: 'string',
  rule: 'string',
  tenant: 'string',
  status: 'int',
  backend: 'string',
  server: 'string',
} as const

/** The `outcome` message: how a request ended that a rule let through, counted for each rule. */
export function outcomeHandler(counters: DecisionCounters): MessageHandler<typeof OUTCOME_ARGUMENTS> {
  return message({
    args: OUTCOME_ARGUMENTS,
    sync: true,
    handle(view) {
      counters.outcome(view.get('rule') ?? '', Number(view.get('status') ?? 0))
    },
  })
}
