import { collectDefaultMetrics, type Counter, Registry } from 'prom-client'
import { DECISION_BUCKETS_S } from '../counters.ts'
import type { AuditStatus } from '../audit/audit.ts'
import type { AgentParts } from '../parts.ts'
import { configMetrics } from './config-metrics.ts'
import { dispatchMetrics } from './dispatch-metrics.ts'
import { identityMetrics } from './identity-metrics.ts'
import { ruleStateMetrics } from './rule-state-metrics.ts'
import { counter, gauge, PREFIX, snakeCase } from './series.ts'

/**
 * Everything the agent counts, read from its typed arrays and plain counters at scrape time, so that counting costs the
 * decision path an addition and no more. Label values come from the configuration and from fixed lists, never from a
 * request.
 */
export function createRegistry(parts: AgentParts): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: PREFIX })
  configMetrics(registry, parts)
  decisionMetrics(registry, parts)
  ruleStateMetrics(registry, parts)
  dispatchMetrics(registry, parts)
  identityMetrics(registry, parts)
  revocationMetrics(registry, parts)
  auditMetrics(registry, parts)
  spopMetrics(registry, parts)
  return registry
}

function decisionMetrics(registry: Registry, { decisions }: AgentParts): void {
  counter(
    registry,
    'decisions_total',
    'Decided requests by rule and reason; "ok" is an allow.',
    ['rule', 'reason'],
    (report) => {
      for (const { rule, reason, count } of decisions.decisions()) report({ rule, reason }, count)
    },
  )
  counter(
    registry,
    'shadow_decisions_total',
    'What rules in shadow mode would have decided, by rule and reason.',
    ['rule', 'reason'],
    (report) => {
      for (const { rule, reason, count } of decisions.shadows()) report({ rule, reason }, count)
    },
  )
  counter(
    registry,
    'outcomes_total',
    'Responses of requests that a rule let through, by status class.',
    ['rule', 'status'],
    (report) => {
      for (const { rule, status, count } of decisions.outcomes()) report({ rule, status }, count)
    },
  )
  const name = `${PREFIX}decision_seconds`
  // prom-client cannot be given buckets that were counted elsewhere; its registry takes any object that has get().
  const histogram = {
    name,
    help: 'Time from the arrival of a check message to its decision.',
    type: 'histogram',
    aggregator: 'sum',
    get() {
      let total = 0
      const values: object[] = decisions.durationBuckets.reduce<object[]>((list, count, i) => {
        total += count
        const le = i < DECISION_BUCKETS_S.length ? (DECISION_BUCKETS_S[i] ?? 0) : '+Inf'
        list.push({ labels: { le }, value: total, metricName: `${name}_bucket` })
        return list
      }, [])
      values.push({ labels: {}, value: decisions.durationSumS, metricName: `${name}_sum` })
      values.push({ labels: {}, value: total, metricName: `${name}_count` })
      return { name, help: this.help, type: this.type, aggregator: this.aggregator, values }
    },
  }
  registry.registerMetric(histogram as unknown as Counter)
}

function revocationMetrics(registry: Registry, parts: AgentParts): void {
  gauge(registry, 'revocation_entries', 'Revocations that are known, by source.', ['source'], (report) => {
    for (const { source, entries } of parts.revocations.status().sources) report({ source }, entries)
  })
  gauge(registry, 'revocation_age_seconds', 'Time since a list was up to date, by source.', ['source'], (report) => {
    for (const { source, ageS } of parts.revocations.status().sources) if (ageS !== null) report({ source }, ageS)
  })
  gauge(registry, 'revocation_failing', '1 while a list cannot be read, by source.', ['source'], (report) => {
    for (const { source, lastError } of parts.revocations.status().sources)
      report({ source }, lastError === undefined ? 0 : 1)
  })
  counter(
    registry,
    'revocation_reads_total',
    'Reads of lists, and entries added while running, by source and result.',
    ['source', 'result'],
    (report) => {
      for (const { source, fetches } of parts.revocations.status().sources) {
        report({ source, result: 'ok' }, fetches.ok)
        report({ source, result: 'failed' }, fetches.failed)
      }
    },
  )
  counter(registry, 'revocation_refusals_total', 'Refused because of revocations.', ['cause'], (report) => {
    const { hits, unavailable } = parts.revocations.status()
    report({ cause: 'revoked' }, hits)
    report({ cause: 'unavailable' }, unavailable)
  })
}

/** Series only while agent.yaml asks for records: a reload may begin that, and end it. */
function auditMetrics(registry: Registry, parts: AgentParts): void {
  const status = (report: (status: AuditStatus) => void): void => {
    if (parts.audit !== undefined) report(parts.audit.status())
  }
  counter(registry, 'audit_records_total', 'Audit records that were written.', [], (report) =>
    status(({ written }) => report({}, written)),
  )
  counter(registry, 'audit_dropped_total', 'Audit records that will never be written.', [], (report) =>
    status(({ dropped }) => report({}, dropped)),
  )
  counter(registry, 'audit_sampled_out_total', 'Allows that the settings of the audit leave out.', [], (report) =>
    status(({ sampledOut }) => report({}, sampledOut)),
  )
  counter(registry, 'audit_write_errors_total', 'Writes of audit records that failed.', [], (report) =>
    status(({ errors }) => report({}, errors)),
  )
  gauge(registry, 'audit_queued', 'Audit records that wait to be written.', [], (report) =>
    status(({ queued }) => report({}, queued)),
  )
}

/** node-spoe's counters that are levels, not totals. */
const SPOP_GAUGES: ReadonlySet<string> = new Set(['connections', 'inFlight'])

function spopMetrics(registry: Registry, { spop }: AgentParts): void {
  for (const key of Object.keys(spop.counters) as (keyof typeof spop.counters)[]) {
    const name = `spop_${snakeCase(key.replace(/Total$/, ''))}`
    if (SPOP_GAUGES.has(key)) gauge(registry, name, `SPOP: ${key} now.`, [], (report) => report({}, spop.counters[key]))
    else
      counter(registry, `${name}_total`, `SPOP: ${key} since the start.`, [], (report) =>
        report({}, spop.counters[key]),
      )
  }
}
