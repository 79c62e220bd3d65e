import type { Registry } from 'prom-client'
import { outcomes } from '../identity/counters.ts'
import { isRemote } from '../identity/remote/status.ts'
import type { AgentParts } from '../parts.ts'
import { counter, gauge, snakeCase } from './series.ts'

/** Everything counted of callers and of what proves them. Providers are named by the configuration alone. */
export function identityMetrics(registry: Registry, parts: AgentParts): void {
  jwksMetrics(registry, parts)
  ownKeysMetrics(registry, parts)
  remoteMetrics(registry, parts)
  tokenMetrics(registry, parts)
  dpopMetrics(registry, parts)
}

/** Of providers that keep keys of their own; those that ask somebody about each credential have none. */
function ownKeysMetrics(registry: Registry, parts: AgentParts): void {
  const own = () => parts.authenticator.status().filter((status) => status.issuer === undefined && !isRemote(status))
  gauge(registry, 'identity_keys', 'Usable entries by provider that keeps its own.', ['provider'], (report) => {
    for (const { provider, keys } of own()) report({ provider }, keys ?? 0)
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
function jwksMetrics(registry: Registry, parts: AgentParts): void {
  const labels = ['provider', 'issuer']
  function* issuers() {
    for (const status of parts.authenticator.status()) {
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
      for (const each of issuers()) report(each.labels, each.status.keys ?? 0)
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

/** Providers that ask somebody (introspection, forward-auth, AWS STS): what they remember, and how it goes there. */
function remoteMetrics(registry: Registry, parts: AgentParts): void {
  const labels = ['provider']
  const remotes = () => parts.authenticator.status().filter(isRemote)
  for (const [name, figure, help] of REMOTE_TOTALS) {
    counter(registry, `remote_${name}_total`, help, labels, (report) => {
      for (const { provider, cache } of remotes()) report({ provider }, cache[figure])
    })
  }
  for (const [name, figure, help] of REMOTE_LEVELS) {
    gauge(registry, `remote_${name}`, help, labels, (report) => {
      for (const { provider, cache } of remotes()) report({ provider }, cache[figure])
    })
  }
  counter(
    registry,
    'remote_questions_total',
    'Questions by result; failed: no answer, or one that is none.',
    [...labels, 'result'],
    (report) => {
      for (const { provider, cache } of remotes()) {
        report({ provider, result: 'ok' }, cache.ok)
        report({ provider, result: 'failed' }, cache.failed)
      }
    },
  )
  gauge(
    registry,
    'remote_breaker_open',
    '1 while the server that is asked, or one of several, is left alone for a while.',
    labels,
    (report) => {
      for (const { provider, paused } of remotes()) report({ provider }, paused ? 1 : 0)
    },
  )
  gauge(registry, 'remote_away', '1 while the provider is away: what failOpen asks.', labels, (report) => {
    for (const { provider, away } of remotes()) report({ provider }, away ? 1 : 0)
  })
  gauge(
    registry,
    'remote_answer_age_seconds',
    'Time since the latest answer; none before the first.',
    labels,
    (report) => {
      for (const { provider, ageS } of remotes()) if (ageS !== null) report({ provider }, ageS)
    },
  )
}

const REMOTE_TOTALS = [
  ['cache_hits', 'hits', 'Credentials whose good answer was remembered.'],
  ['cache_negative_hits', 'negativeHits', 'Credentials whose refusal was remembered.'],
  ['cache_misses', 'misses', 'Credentials that nothing was remembered of.'],
  ['cache_evictions', 'evictions', 'Good answers dropped to make room.'],
  ['stale_answers', 'stale', 'Old answers that served because there was no new one.'],
  ['overload', 'overload', 'Credentials refused because too many questions were under way.'],
] as const

const REMOTE_LEVELS = [
  ['cache_entries', 'entries', 'Good answers that are remembered.'],
  ['cache_negative_entries', 'negativeEntries', 'Refusals that are remembered.'],
  ['cache_bytes', 'bytes', 'Estimated size of the good answers.'],
  ['in_flight', 'pending', 'Questions under way.'],
] as const

function tokenMetrics(registry: Registry, parts: AgentParts): void {
  counter(
    registry,
    'identity_results_total',
    'Examined credentials by provider and outcome; no provider: none was found for them.',
    ['provider', 'outcome'],
    (report) => {
      const { providers, results } = parts.authenticator.counters
      for (const [row, provider] of providers.entries()) {
        for (const [column, outcome] of outcomes.entries()) {
          const count = results[row * outcomes.length + column] ?? 0
          if (count > 0 || outcome === 'ok') report({ provider, outcome }, count)
        }
      }
    },
  )
  const caches = () => parts.authenticator.counters.caches()
  for (const [name, help] of Object.entries(CACHE_COUNTERS)) {
    counter(
      registry,
      `identity_cache_${snakeCase(name)}_total`,
      `Cache of verified tokens: ${help}.`,
      ['provider'],
      (report) => {
        for (const [provider, figures] of caches()) report({ provider }, figures[name as keyof typeof CACHE_COUNTERS])
      },
    )
  }
  for (const [name, help] of Object.entries(CACHE_GAUGES)) {
    gauge(
      registry,
      `identity_cache_${snakeCase(name)}`,
      `Cache of verified tokens: ${help}.`,
      ['provider'],
      (report) => {
        for (const [provider, figures] of caches()) report({ provider }, figures[name as keyof typeof CACHE_GAUGES])
      },
    )
  }
}

const CACHE_COUNTERS = {
  hits: 'tokens known as genuine',
  negativeHits: 'tokens known as refused',
  misses: 'tokens that had to be verified',
  evictions: 'dropped to make room',
  expired: 'dropped because the token has ended',
  staleKeys: 'dropped because its key is no longer published',
  flushes: 'emptied because the clock went back',
} as const

const CACHE_GAUGES = {
  entries: 'genuine tokens',
  negativeEntries: 'refused tokens',
  bytes: 'estimated bytes of the genuine ones',
} as const

/** Proofs of possession (RFC 9449). Nonces have no store: they are made from the time. */
function dpopMetrics(registry: Registry, parts: AgentParts): void {
  gauge(registry, 'dpop_proofs', 'Proofs that are remembered, to be told again.', ['provider'], (report) => {
    for (const [provider, { counters }] of parts.dpop ?? []) report({ provider }, counters.remembered)
  })
  counter(
    registry,
    'dpop_refusals_total',
    'Proofs refused by the store: replayed, full (no room), busy (too many of one key).',
    ['provider', 'cause'],
    (report) => {
      for (const [provider, { counters }] of parts.dpop ?? []) {
        const { replayed, full, busy } = counters
        for (const [cause, count] of Object.entries({ replayed, full, busy })) report({ provider, cause }, count)
      }
    },
  )
}
