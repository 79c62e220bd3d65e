import { expect, test } from 'vitest'
import { DecisionCounters, NO_RULE } from '../../agent/counters.ts'
import type { CompiledRule } from '../../agent/rules/rule.ts'

const rulesOf = (...names: readonly string[]): CompiledRule[] =>
  names.map((name, index) => ({ name, index }) as CompiledRule)

const counted = (counters: DecisionCounters): Record<string, number> =>
  Object.fromEntries(
    Array.from(counters.decisions(), ({ rule, reason, count }) => [
      reason === 'ok' ? rule : `${rule} ${reason}`,
      count,
    ]),
  )

test('a rule is counted by its name, wherever a reload has put it', () => {
  const [orders, usage] = rulesOf('orders', 'usage')
  const first = new DecisionCounters(rulesOf('orders', 'usage'))
  first.decision(orders, 'ok')
  first.decision(usage, 'ok')
  first.decision(usage, 'policy_denied')
  const after = rulesOf('fresh', 'usage')
  const second = new DecisionCounters(after, first)
  second.decision(after[0], 'ok')
  second.decision(after[1], 'ok')
  // A request that began before the reload ends after it.
  first.decision(usage, 'ok')
  second.decision(undefined, 'default_denied')
  const all = {
    [NO_RULE]: 0,
    [`${NO_RULE} default_denied`]: 1,
    orders: 1,
    usage: 3,
    'usage policy_denied': 1,
    fresh: 1,
  }
  expect(counted(second)).toEqual(all)
  expect(counted(first)).toEqual(all)
})

test('a rule that went and comes back goes on counting', () => {
  const [orders] = rulesOf('orders')
  const first = new DecisionCounters(rulesOf('orders'))
  first.decision(orders, 'ok')
  const third = new DecisionCounters(rulesOf('other', 'orders'), new DecisionCounters(rulesOf('other'), first))
  third.decision(rulesOf('other', 'orders')[1], 'ok')
  expect(counted(third)).toEqual({ [NO_RULE]: 0, orders: 2, other: 0 })
})

test('outcomes and times go on too, and an outcome of a rule that is gone is still its own', () => {
  const first = new DecisionCounters(rulesOf('orders'))
  first.outcome('orders', 200)
  first.duration(0.001)
  const second = new DecisionCounters(rulesOf('usage'), first)
  second.outcome('orders', 204)
  second.outcome('usage', 503)
  second.outcome('unheard-of', 200)
  second.duration(0.002)
  expect([...second.outcomes()]).toEqual([
    { rule: NO_RULE, status: '2xx', count: 1 },
    { rule: 'orders', status: '2xx', count: 2 },
    { rule: 'usage', status: '5xx', count: 1 },
  ])
  expect(second.durationSumS).toBeCloseTo(0.003)
  expect(second.durationBuckets.reduce((a, b) => a + b, 0)).toBe(2)
  expect(first.ruleNames).toEqual([NO_RULE, 'orders', 'usage'])
})
