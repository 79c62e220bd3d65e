import type { MessageView, Reply } from 'node-spoe'
import { Actors } from '../agent/actor/actors.ts'
import { checkHandler } from '../agent/check.ts'
import { DecisionCounters } from '../agent/counters.ts'
import type { Dispatcher } from '../agent/dispatch/dispatcher.ts'
import type { Authenticator } from '../agent/identity/authenticator.ts'
import type { RuleSet } from '../agent/rules/rule-set.ts'

/** A request, as far as it differs from others. */
export interface Asked {
  readonly path: string
  readonly host?: string
  readonly token?: string
}

/**
 * Answers requests as the agent does, without SPOP and without Temporal.
 * @returns a function that throws unless the answer is there at once and is what was expected
 */
export function decider(ruleSet: RuleSet, authenticator: Authenticator): (asked: Asked, expected?: string) => void {
  const handler = checkHandler({
    ruleSet,
    authenticator,
    dispatcher: { dispatch: () => true } as unknown as Dispatcher,
    deadlineMs: 40,
    counters: new DecisionCounters(ruleSet.rules),
    actors: new Actors(),
    wording: {
      realm: 'bench',
      retryAfterS: () => 1,
      dpopNonce: () => undefined,
      rateLimitKey: undefined,
      resourceMetadata: () => undefined,
    },
  })
  let decision: unknown
  const reply = {
    settled: false,
    setVar(_: string, name: string, value: unknown) {
      if (name === 'decision') decision = value
    },
  } as unknown as Reply
  return ({ path, host = 'a', token }, expected = 'allow') => {
    const auth = token === undefined ? undefined : `Bearer ${token}`
    const args = { id: '6B000000-x', method: 'GET', host, path, query: '', src: '192.0.2.1', tls: true, auth }
    const facts: Record<string, unknown> = { ...args, auth_count: auth === undefined ? 0 : 1 }
    const view = { get: (name: string) => facts[name], type: () => 8 } as unknown as MessageView<Record<string, never>>
    const result = handler.handle(view as never, reply)
    if (result !== undefined || decision !== expected) {
      throw new Error(`not "${expected}" at once: this would measure something else`)
    }
  }
}
