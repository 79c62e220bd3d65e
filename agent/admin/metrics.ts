import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import { DECISION_BUCKETS_S } from '../counters.ts'
import { outcomes } from '../identity/counters.ts'
import type { AgentParts } from '../parts.ts'

const PREFIX = 'haproxy_temporal_'

/**
 * Everything the agent counts, read from its typed arrays and plain counters at scrape time, so that counting costs the
 * decision path an addition and no more. Label values come from the configuration and from fixed lists, never from a
 * request.
 */
export function createRegistry(parts: AgentParts): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: PREFIX })
  decisionMetrics(registry, parts)
  dispatchMetrics(registry, parts)
  identityMetrics(registry, parts)
  tokenMetrics(registry, parts)
  revocationMetrics(registry, parts)
  auditMetrics(registry, parts)
  spopMetrics(registry, parts)
  return registry
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`)
}

/** Reports each series of a metric once. */
type Fill = (report: (labels: Record<string, string>, value: number) => void) => void

/** A counter whose values are read when somebody asks. */
function counter(registry: Registry, name: string, help: string, labelNames: string[], fill: Fill): void {
  const metric = new Counter({ name: PREFIX + name, help, labelNames, registers: [], collect: () => refill() })
  // Without the reset every scrape would add the totals once more.
  const refill = (): void => {
    metric.reset()
    fill((labels, value) => metric.inc(labels, value))
  }
  registry.registerMetric(metric)
}

/** A gauge whose values are read when somebody asks; series that are not reported any more vanish. */
function gauge(registry: Registry, name: string, help: string, labelNames: string[], fill: Fill): void {
  const metric = new Gauge({ name: PREFIX + name, help, labelNames, registers: [], collect: () => refill() })
  const refill = (): void => {
    metric.reset()
    fill((labels, value) => metric.set(labels, value))
  }
  registry.registerMetric(metric)
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

/** The conservation law: received = the sum of all others. */
const EVENT_STATES = [
  'received',
  'delivered',
  'deduplicated',
  'coalesced',
  'sampledOut',
  'rateLimited',
  'shed',
  'deadLettered',
] as const

function dispatchMetrics(registry: Registry, { dispatcher }: AgentParts): void {
  for (const state of EVENT_STATES) {
    const name = `events_${snakeCase(state)}_total`
    counter(
      registry,
      name,
      `Workflow events ${state}, by rule. received = delivered + deduplicated + coalesced + sampled_out + rate_limited + shed + dead_lettered + pending.`,
      ['rule'],
      (report) => {
        for (const [rule, counts] of Object.entries(dispatcher.counters().rules)) report({ rule }, counts[state])
      },
    )
  }
  gauge(registry, 'events_pending', 'Workflow events on their way to Temporal, by rule.', ['rule'], (report) => {
    for (const [rule, counts] of Object.entries(dispatcher.counters().rules)) report({ rule }, counts.pending)
  })
  counter(registry, 'temporal_calls_total', 'Calls to Temporal, retries included.', [], (report) =>
    report({}, dispatcher.counters().calls),
  )
  counter(
    registry,
    'starts_unindexed_total',
    'Workflows started without search attributes, because the namespace has none of ours.',
    [],
    (report) => report({}, dispatcher.counters().unindexed),
  )
  gauge(
    registry,
    'temporal_connected',
    '1 when the last call to Temporal was answered, 0 when it was not.',
    [],
    (report) => {
      report({}, dispatcher.state().temporal === 'connected' ? 1 : 0)
    },
  )
  gauge(
    registry,
    'events_oldest_pending_seconds',
    'Age of the oldest event that Temporal does not have yet.',
    [],
    (report) => {
      report({}, (dispatcher.state().oldestPendingMs ?? 0) / 1000)
    },
  )
  gauge(registry, 'outbox_rows', 'Durable events on disk.', [], (report) => report({}, dispatcher.state().outboxRows))
}

function identityMetrics(registry: Registry, parts: AgentParts): void {
  jwksMetrics(registry, parts)
  const own = () => parts.authenticator.status().filter(({ issuer }) => issuer === undefined)
  gauge(registry, 'identity_keys', 'Usable entries by provider that keeps its own.', ['provider'], (report) => {
    for (const { provider, keys } of own()) report({ provider }, keys)
  })
  gauge(
    registry,
    'identity_keys_age_seconds',
    'Time since they were last read or fetched, by provider.',
    ['provider'],
    (report) => {
      for (const { provider, ageS } of own()) if (ageS !== null) report({ provider }, ageS)
    },
  )
  counter(
    registry,
    'identity_key_fetches_total',
    'Reads and fetches of them by provider and result.',
    ['provider', 'result'],
    (report) => {
      for (const { provider, fetches } of own()) {
        report({ provider, result: 'ok' }, fetches.ok)
        report({ provider, result: 'failed' }, fetches.failed)
      }
    },
  )
}

/** Published keys. The issuer is the configured one; several may stand under one provider. */
function jwksMetrics(registry: Registry, { authenticator }: AgentParts): void {
  const labels = ['provider', 'issuer']
  function* issuers() {
    for (const status of authenticator.status()) {
      const { provider, issuer } = status
      if (issuer !== undefined) yield { status, labels: { provider, issuer } }
    }
  }
  gauge(
    registry,
    'jwks_keys',
    'Keys that may verify now: 0 when there are none or they are too old.',
    labels,
    (report) => {
      for (const each of issuers()) report(each.labels, each.status.keys)
    },
  )
  gauge(
    registry,
    'jwks_age_seconds',
    'Time since the keys were fetched; none before the first time.',
    labels,
    (report) => {
      for (const each of issuers()) if (each.status.ageS !== null) report(each.labels, each.status.ageS)
    },
  )
  gauge(registry, 'jwks_stale', '1 while keys serve past their refresh time.', labels, (report) => {
    for (const each of issuers()) report(each.labels, each.status.stale ? 1 : 0)
  })
  counter(registry, 'jwks_fetch_total', 'Fetches of key sets by result.', [...labels, 'result'], (report) => {
    for (const { labels: its, status } of issuers()) {
      report({ ...its, result: 'ok' }, status.fetches.ok)
      report({ ...its, result: 'failed' }, status.fetches.failed)
    }
  })
}

function tokenMetrics(registry: Registry, { authenticator }: AgentParts): void {
  const { providers, results, cache } = authenticator.counters
  counter(
    registry,
    'identity_results_total',
    'Examined credentials by provider and outcome; no provider: none was found for them.',
    ['provider', 'outcome'],
    (report) => {
      for (const [row, provider] of providers.entries()) {
        for (const [column, outcome] of outcomes.entries()) {
          const count = results[row * outcomes.length + column] ?? 0
          if (count > 0 || outcome === 'ok') report({ provider, outcome }, count)
        }
      }
    },
  )
  for (const name of ['hits', 'negativeHits', 'misses', 'evictions'] as const) {
    counter(registry, `identity_cache_${snakeCase(name)}_total`, `Cache of verified tokens: ${name}.`, [], (report) =>
      report({}, cache[name]),
    )
  }
  gauge(registry, 'identity_cache_entries', 'Verified tokens in the cache.', [], (report) => report({}, cache.entries))
}

function revocationMetrics(registry: Registry, { revocations }: AgentParts): void {
  gauge(registry, 'revocation_entries', 'Revocations that are known, by source.', ['source'], (report) => {
    for (const { source, entries } of revocations.status().sources) report({ source }, entries)
  })
  gauge(registry, 'revocation_age_seconds', 'Time since a list was up to date, by source.', ['source'], (report) => {
    for (const { source, ageS } of revocations.status().sources) if (ageS !== null) report({ source }, ageS)
  })
  gauge(registry, 'revocation_failing', '1 while a list cannot be read, by source.', ['source'], (report) => {
    for (const { source, lastError } of revocations.status().sources)
      report({ source }, lastError === undefined ? 0 : 1)
  })
  counter(
    registry,
    'revocation_reads_total',
    'Reads of lists, and entries added while running, by source and result.',
    ['source', 'result'],
    (report) => {
      for (const { source, fetches } of revocations.status().sources) {
        report({ source, result: 'ok' }, fetches.ok)
        report({ source, result: 'failed' }, fetches.failed)
      }
    },
  )
  counter(registry, 'revocation_refusals_total', 'Refused because of revocations.', ['cause'], (report) => {
    const { hits, unavailable } = revocations.status()
    report({ cause: 'revoked' }, hits)
    report({ cause: 'unavailable' }, unavailable)
  })
}

function auditMetrics(registry: Registry, { audit }: AgentParts): void {
  if (audit === undefined) return
  counter(registry, 'audit_records_total', 'Audit records that were written.', [], (report) =>
    report({}, audit.status().written),
  )
  counter(registry, 'audit_dropped_total', 'Audit records that will never be written.', [], (report) =>
    report({}, audit.status().dropped),
  )
  counter(registry, 'audit_sampled_out_total', 'Allows that the settings of the audit leave out.', [], (report) =>
    report({}, audit.status().sampledOut),
  )
  counter(registry, 'audit_write_errors_total', 'Writes of audit records that failed.', [], (report) =>
    report({}, audit.status().errors),
  )
  gauge(registry, 'audit_queued', 'Audit records that wait to be written.', [], (report) =>
    report({}, audit.status().queued),
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
