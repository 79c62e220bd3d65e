import { createAgent } from 'node-spoe'
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { ruleStateMetrics } from '../../../agent/admin/rule-state-metrics.ts'
import { Limiters } from '../../../agent/limits/limiters.ts'
import type { AgentParts } from '../../../agent/parts.ts'
import { VerdictTable } from '../../../agent/verdicts/verdict-table.ts'

async function linesOf(parts: Partial<AgentParts>): Promise<string[]> {
  const registry = new Registry()
  ruleStateMetrics(registry, { spop: createAgent({ messages: {} }), ...parts } as AgentParts)
  return (await registry.metrics()).split('\n')
}

describe('metrics of what rules remember', () => {
  it('tell of each limit by its rule and its place, and never of a key', async () => {
    const limiters = new Limiters()
    const limiter = limiters.get('api/0/identity.subject + "/x"', { rate: { count: 2, periodMs: 60_000 } })
    for (let i = 0; i < 3; i++) limiter.take('alice', 0)
    limiter.take('bob', 0)
    limiters.retain(['api/0/identity.subject + "/x"'])
    const lines = await linesOf({ limiters })
    for (const line of [
      'haproxy_temporal_limit_allowed_total{rule="api",limit="0"} 3',
      'haproxy_temporal_limit_limited_total{rule="api",limit="0"} 1',
      'haproxy_temporal_limit_evicted_total{rule="api",limit="0"} 0',
      'haproxy_temporal_limit_keys{rule="api",limit="0"} 2',
    ]) {
      expect(lines).toContain(line)
    }
    expect(lines.join('\n')).not.toMatch(/alice|identity/)
  })

  it('tell of verdicts', async () => {
    const verdicts = new VerdictTable({ now: () => 1000 })
    verdicts.put({ scope: 'source', key: '192.0.2.1', block: true, expiresAt: 2000 })
    verdicts.put({ scope: 'source', key: '192.0.2.2', block: true, expiresAt: 500 })
    verdicts.lookup(undefined, '192.0.2.1')
    const lines = await linesOf({ verdicts })
    for (const line of [
      'haproxy_temporal_verdict_entries 1',
      'haproxy_temporal_verdict_hits_total 1',
      'haproxy_temporal_verdict_puts_total 1',
      'haproxy_temporal_verdict_ignored_total 1',
      'haproxy_temporal_verdict_evicted_total 0',
    ]) {
      expect(lines).toContain(line)
    }
  })
})
