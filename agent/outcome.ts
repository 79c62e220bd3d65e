import { message, type MessageHandler } from 'node-spoe'
import type { DecisionCounters } from './counters.ts'
import type { Windows } from './windows/windows.ts'

/** Arguments of the `outcome` message in spoe.conf, by name. */
export const OUTCOME_ARGUMENTS = {
  id: 'string',
  rule: 'string',
  tenant: 'string',
  status: 'int',
  backend: 'string',
  server: 'string',
} as const

/**
 * Those that rules with windows need besides: the key and the time that the agent gave the request along, and the size of
 * the response. Without `wkey` nothing is counted in windows.
 */
export const WINDOW_ARGUMENTS = { wkey: 'string', at: 'int', bytes: 'int' } as const

const ARGUMENTS = { ...OUTCOME_ARGUMENTS, ...WINDOW_ARGUMENTS } as const

/**
 * The `outcome` message: how a request ended that a rule let through, counted for each rule, and by key and interval for
 * rules with windows.
 *
 * @param now milliseconds since the epoch, of the clock that the variable `at` was set by
 */
export function outcomeHandler(
  counters: DecisionCounters,
  windows?: Pick<Windows, 'add'>,
  now: () => number = Date.now,
): MessageHandler<typeof ARGUMENTS> {
  // One for all: it is read before the next message comes.
  const outcome = { status: 0, latencyMs: 0, bytes: 0, server: '' }
  return message({
    args: ARGUMENTS,
    sync: true,
    handle(view) {
      const rule = view.get('rule') ?? ''
      const status = Number(view.get('status') ?? 0)
      counters.outcome(rule, status)
      const key = windows && view.get('wkey')
      if (key === undefined) return
      outcome.status = status
      outcome.latencyMs = now() - Number(view.get('at') ?? Number.NaN)
      outcome.bytes = Number(view.get('bytes') ?? 0)
      outcome.server = view.get('server') ?? ''
      windows?.add(rule, asSet(key), outcome)
    },
  })
}

const BEYOND_ASCII = /[\x80-\xff]/

/** Variables are set in UTF-8, and what HAProxy sends is read as latin1: one character for each byte. */
function asSet(text: string): string {
  return BEYOND_ASCII.test(text) ? Buffer.from(text, 'latin1').toString() : text
}
