import type { Agent } from 'node-spoe'
import type { AuditSink } from './audit/audit.ts'
import type { Budgets } from './budgets.ts'
import type { DecisionCounters } from './counters.ts'
import type { Dispatcher } from './dispatch/dispatcher.ts'
import type { Authenticator } from './identity/authenticator.ts'
import type { DpopVerifier } from './identity/dpop/verifier.ts'
import type { Revocations } from './identity/revocation/revocations.ts'
import type { Limiters } from './limits/limiters.ts'
import type { Reloader } from './reload/reloader.ts'
import type { VerdictTable } from './verdicts/verdict-table.ts'
import type { Windows } from './windows/windows.ts'

/**
 * What the admin server looks at. Where a reload puts others in their place the members are getters: they are read when
 * somebody asks, and not kept.
 */
export interface AgentParts {
  readonly spop: Agent
  readonly authenticator: Authenticator
  readonly revocations: Revocations
  /** Verifiers of proofs by provider. */
  readonly dpop?: ReadonlyMap<string, Pick<DpopVerifier, 'counters'>> | undefined
  /** Undefined where agent.yaml asks for no records. */
  readonly audit?: AuditSink | undefined
  readonly dispatcher: Dispatcher
  /** Requests that are counted in windows, and what budgets leave of rules. */
  readonly windows?: Windows | undefined
  readonly budgets?: Budgets | undefined
  readonly decisions: DecisionCounters
  /** What callers have used up, and what workflows have said of them. */
  readonly limiters?: Limiters | undefined
  readonly verdicts?: VerdictTable | undefined
  /** Which configuration is in force, and how to read it again; undefined where nobody can. */
  readonly config?: Pick<Reloader, 'status' | 'reload'> | undefined
}
