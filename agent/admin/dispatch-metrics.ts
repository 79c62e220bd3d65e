import type { Registry } from 'prom-client'
import type { DispatchCounters } from '../dispatch/dispatcher.ts'
import type { AgentParts } from '../parts.ts'
import { counter, gauge, snakeCase } from './series.ts'

/** The way from the decision to Temporal. */
export function dispatchMetrics(registry: Registry, parts: AgentParts): void {
  eventMetrics(registry, parts)
  shapeMetrics(registry, parts)
  outboxMetrics(registry, parts)
  temporalMetrics(registry, parts)
  connectionMetrics(registry, parts)
}

/** The conservation law: received = the sum of all others. */
const EVENT_STATES = [
  'received',
  'delivered',
  'deduplicated',
  'coalesced',
  'sampledOut',
  'windowed',
  'rateLimited',
  'shed',
  'deadLettered',
] as const

function eventMetrics(registry: Registry, { dispatcher }: AgentParts): void {
  for (const state of EVENT_STATES) {
    counter(
      registry,
      `events_${snakeCase(state)}_total`,
      `Workflow events ${state}, by rule. received = delivered + deduplicated + coalesced + sampled_out + windowed + rate_limited + shed + dead_lettered + pending.`,
      ['rule'],
      (report) => {
        for (const [rule, counts] of Object.entries(dispatcher.counters().rules)) report({ rule }, counts[state])
      },
    )
  }
  gauge(registry, 'events_pending', 'Workflow events on their way to Temporal, by rule.', ['rule'], (report) => {
    for (const [rule, counts] of Object.entries(dispatcher.counters().rules)) report({ rule }, counts.pending)
  })
  gauge(
    registry,
    'events_oldest_pending_seconds',
    'Age of the oldest event that Temporal does not have yet.',
    [],
    (report) => report({}, (dispatcher.state().oldestPendingMs ?? 0) / 1000),
  )
  gauge(registry, 'dispatch_memory_events', 'Events in memory: queue.maxEvents bounds them.', [], (report) =>
    report({}, dispatcher.counters().memory.events),
  )
  gauge(registry, 'dispatch_memory_bytes', 'Their bytes: queue.maxBytes bounds them.', [], (report) =>
    report({}, dispatcher.counters().memory.bytes),
  )
}

/** What rules make of many requests. */
function shapeMetrics(registry: Registry, { budgets, windows }: AgentParts): void {
  if (budgets !== undefined) {
    gauge(
      registry,
      'budget_share',
      'Share of the requests of a rule with a budget that may become events now: 1 while it is not reached.',
      ['rule'],
      (report) => {
        for (const { rule, share } of budgets.shares()) report({ rule }, share)
      },
    )
  }
  if (windows === undefined) return
  gauge(registry, 'windows_open', 'Windows that are counted in, or wait to be handed over.', [], (report) =>
    report({}, windows.open),
  )
  counter(
    registry,
    'windows_overflowed_total',
    'Requests and responses that were counted under "~others", because their rule had keys enough, or no budget for more.',
    [],
    (report) => report({}, windows.overflowed),
  )
}

function outboxMetrics(registry: Registry, { dispatcher }: AgentParts): void {
  const outbox = (): DispatchCounters['outbox'] => dispatcher.counters().outbox
  gauge(registry, 'outbox_rows', 'Events on disk that are not settled: outbox.maxRows bounds them.', [], (report) =>
    report({}, outbox().events),
  )
  gauge(registry, 'outbox_bytes', 'Bytes of their rows: outbox.maxBytes bounds them.', [], (report) =>
    report({}, outbox().bytes),
  )
  gauge(
    registry,
    'outbox_dead_letters',
    'Events among the dead letters, for somebody to look at: outbox.maxDeadLetters bounds them.',
    [],
    (report) => report({}, outbox().deadLetters),
  )
  counter(
    registry,
    'outbox_dead_letters_dropped_total',
    'Events of dead letters that are not kept: deleted for newer ones, or without a disk that takes them.',
    [],
    (report) => report({}, outbox().deadLettersDropped),
  )
  gauge(
    registry,
    'outbox_paused',
    '1 for each rule whose events stay on disk until it is resumed.',
    ['rule'],
    (report) => {
      for (const rule of dispatcher.state().pausedRules) report({ rule }, 1)
    },
  )
  counter(
    registry,
    'unstored_events_total',
    'Events that stayed in memory because the outbox did not take them.',
    [],
    (report) => report({}, dispatcher.counters().unstored),
  )
}

function temporalMetrics(registry: Registry, { dispatcher }: AgentParts): void {
  counter(registry, 'temporal_calls_total', 'Calls to Temporal, retries included.', [], (report) =>
    report({}, dispatcher.counters().calls),
  )
  counter(
    registry,
    'temporal_actions_total',
    'Actions that Temporal Cloud bills for the calls of a rule, as far as the agent can know.',
    ['rule'],
    (report) => {
      for (const [rule, actions] of Object.entries(dispatcher.counters().actions)) report({ rule }, actions)
    },
  )
  gauge(registry, 'temporal_calls_in_flight', 'Calls to Temporal that are not answered yet.', [], (report) =>
    report({}, dispatcher.counters().inFlight),
  )
  gauge(registry, 'temporal_concurrency_limit', 'How many there may be: the agent adapts it.', [], (report) =>
    report({}, dispatcher.counters().concurrency),
  )
  gauge(
    registry,
    'temporal_connected',
    '1 when the last call to Temporal was answered, 0 when it was not.',
    [],
    (report) => report({}, dispatcher.state().temporal === 'connected' ? 1 : 0),
  )
  gauge(
    registry,
    'temporal_denied',
    '1 for each rule whose calls Temporal refuses while it takes others: an operator must mend that.',
    ['rule'],
    (report) => {
      for (const rule of dispatcher.state().deniedRules) report({ rule }, 1)
    },
  )
  counter(
    registry,
    'starts_unindexed_total',
    'Workflows started without search attributes, because the namespace has none of ours.',
    [],
    (report) => report({}, dispatcher.counters().unindexed),
  )
}

/** Connections are named by the configuration: `(default)`, and namespaces that have an endpoint of their own. */
function connectionMetrics(registry: Registry, { dispatcher }: AgentParts): void {
  gauge(
    registry,
    'temporal_certificate_expiry_seconds',
    'Time until the client certificate in use ends; below 0 afterwards.',
    ['connection'],
    (report) => {
      for (const { name, certificateExpiresAt } of dispatcher.state().connections)
        if (certificateExpiresAt !== undefined) report({ connection: name }, (certificateExpiresAt - Date.now()) / 1000)
    },
  )
  counter(
    registry,
    'temporal_rotations_total',
    'Times that new credentials took the place of those in use (ok), or could not (failed).',
    ['connection', 'result'],
    (report) => {
      for (const { name, rotations, failedRotations } of dispatcher.state().connections) {
        report({ connection: name, result: 'ok' }, rotations)
        report({ connection: name, result: 'failed' }, failedRotations)
      }
    },
  )
}
