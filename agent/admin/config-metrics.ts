import type { Registry } from 'prom-client'
import type { AgentParts } from '../parts.ts'
import { counter, gauge } from './series.ts'

/** Which configuration is in force, and how reading it again went. */
export function configMetrics(registry: Registry, { config }: AgentParts): void {
  if (config === undefined) return
  gauge(registry, 'config_generation', 'Configurations put in force since the start; 1 is the first.', [], (report) =>
    report({}, config.status().generation),
  )
  gauge(registry, 'config_info', 'The configuration in force, by the SHA-256 of its file.', ['hash'], (report) =>
    report({ hash: config.status().hash }, 1),
  )
  gauge(registry, 'config_last_reload_success', '1 when the latest attempt to load it worked.', [], (report) =>
    report({}, config.status().last.ok ? 1 : 0),
  )
  gauge(
    registry,
    'config_last_reload_timestamp_seconds',
    'When that attempt was made; the start is one.',
    [],
    (report) => report({}, Date.parse(config.status().last.at) / 1000),
  )
  gauge(registry, 'config_pending_restart', 'Keys of the file that wait for a restart.', [], (report) =>
    report({}, config.status().pendingRestart.length),
  )
  counter(
    registry,
    'config_reloads_total',
    'Reloads by result: ok, unchanged (the file said what was in force), failed.',
    ['result'],
    (report) => {
      for (const [result, count] of Object.entries(config.status().reloads)) report({ result }, count)
    },
  )
}
