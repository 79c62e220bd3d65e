import type { Agent } from 'node-spoe'
import type { AuditSink } from './audit/audit.ts'
import type { DecisionCounters } from './counters.ts'
import type { Dispatcher } from './dispatch/dispatcher.ts'
import type { Authenticator } from './identity/authenticator.ts'
import type { Revocations } from './identity/revocation/revocations.ts'

/** What the admin server looks at. */
export interface AgentParts {
  readonly spop: Agent
  readonly authenticator: Authenticator
  readonly revocations: Revocations
  /** Undefined where agent.yaml asks for no records. */
  readonly audit?: AuditSink | undefined
  readonly dispatcher: Dispatcher
  readonly decisions: DecisionCounters
}
