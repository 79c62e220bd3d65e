import type { Registry } from 'prom-client'
import type { AgentParts } from '../parts.ts'
import { counter, gauge, snakeCase } from './series.ts'

const LIMIT_COUNTERS = {
  allowed: 'Requests that a limit let through.',
  limited: 'Requests that a limit refused.',
  evicted: 'Keys that were forgotten for want of room while they had used something up: each begins anew.',
} as const

const VERDICT_COUNTERS = {
  hits: 'Lookups that found a verdict.',
  puts: 'Verdicts that were kept.',
  ignored: 'Verdicts and removals that came late, were over, or made no sense.',
  evicted: 'Verdicts in force that had to go to make room.',
} as const

/** What rules remember of callers: how much they have used up, and what workflows have said of them. */
export function ruleStateMetrics(registry: Registry, { limiters, verdicts }: AgentParts): void {
  if (limiters !== undefined) {
    const labels = ['rule', 'limit']
    for (const name of Object.keys(LIMIT_COUNTERS) as (keyof typeof LIMIT_COUNTERS)[]) {
      counter(registry, `limit_${name}_total`, LIMIT_COUNTERS[name], labels, (report) => {
        for (const [id, counts] of limiters.counters()) report(placeOf(id), counts[name])
      })
    }
    gauge(registry, 'limit_keys', 'Keys that a limit remembers now.', labels, (report) => {
      for (const [id, { keys }] of limiters.counters()) report(placeOf(id), keys)
    })
  }
  if (verdicts !== undefined) {
    for (const name of Object.keys(VERDICT_COUNTERS) as (keyof typeof VERDICT_COUNTERS)[]) {
      counter(registry, `verdict_${snakeCase(name)}_total`, VERDICT_COUNTERS[name], [], (report) =>
        report({}, verdicts[name]),
      )
    }
    gauge(registry, 'verdict_entries', 'Verdicts that are remembered.', [], (report) => report({}, verdicts.entries))
  }
}

/** Of `<rule>/<place in its list>/<key expression>`. */
function placeOf(id: string): { rule: string; limit: string } {
  const [rule = '', limit = ''] = id.split('/')
  return { rule, limit }
}
