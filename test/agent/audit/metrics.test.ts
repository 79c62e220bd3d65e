import { expect, it, onTestFinished } from 'vitest'
import { createAgent } from 'node-spoe'
import { createRegistry } from '../../../agent/admin/metrics.ts'
import { createAudit } from '../../../agent/audit/audit.ts'
import { DecisionCounters } from '../../../agent/counters.ts'
import { Counters } from '../../../agent/dispatch/counters.ts'
import type { Dispatcher } from '../../../agent/dispatch/dispatcher.ts'
import { createAuthenticator } from '../../../agent/identity/authenticator.ts'
import { Revocations } from '../../../agent/identity/revocation/revocations.ts'
import { memoryLog } from '../identity/support/provider.ts'
import { decision, identity, settings } from './support/decision.ts'

it('metrics tell of revocations and of audit records, the same at every scrape', async () => {
  const context = { now: Date.now, monotonicMs: () => performance.now(), log: memoryLog() }
  const revocations = new Revocations(undefined, context)
  const audit = createAudit(settings({ to: { file: '/dev/null' }, allow: 'none' }), context)
  const events = new Counters([])
  const dispatcher = {
    counters: () => events.read(),
    state: () => ({ temporal: 'connected', outboxRows: 0, connections: [], pausedRules: [], deniedRules: [] }),
  } as unknown as Dispatcher
  const authenticator = createAuthenticator([], { log: context.log })
  onTestFinished(() => authenticator.close())
  const decisions = new DecisionCounters([])
  const spop = createAgent({ messages: {} })
  const registry = createRegistry({ spop, authenticator, dispatcher, decisions, revocations, audit })

  revocations.add({ jti: 'jti-1', until: 'never' }, { source: 'admin' })
  expect(revocations.check(identity())).toBe('revoked')
  audit.decision(decision())
  audit.decision(decision({ decision: { ...decision().decision, allow: false, reason: 'revoked' } }))
  await audit.close()
  for (let scrape = 0; scrape < 2; scrape++) {
    const text = (await registry.metrics()).split('\n')
    for (const line of [
      'revocation_entries{source="admin"} 1',
      'revocation_reads_total{source="admin",result="ok"} 1',
      'revocation_failing{source="workflow"} 0',
      'revocation_refusals_total{cause="revoked"} 1',
      'revocation_refusals_total{cause="unavailable"} 0',
      'audit_records_total 1',
      'audit_dropped_total 0',
      'audit_sampled_out_total 1',
      'audit_write_errors_total 0',
      'audit_queued 0',
    ]) {
      expect(text).toContain(`haproxy_temporal_${line}`)
    }
  }
})
