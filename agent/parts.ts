import type { Agent } from 'node-spoe'
import type { DecisionCounters } from './counters.ts'
import type { Dispatcher } from './dispatch/dispatcher.ts'
import type { Authenticator } from './identity/authenticator.ts'

/** What the admin server looks at. */
export interface AgentParts {
  readonly spop: Agent
  readonly authenticator: Authenticator
  readonly dispatcher: Dispatcher
  readonly decisions: DecisionCounters
}
