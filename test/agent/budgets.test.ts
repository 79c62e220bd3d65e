import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type BudgetLog, Budgets } from '../../agent/budgets.ts'
import type { Spent } from '../../agent/dispatch/counters.ts'
import type { CompiledRule } from '../../agent/rules/rule.ts'
import { rulesOf } from './rules/support.ts'

const SAMPLED = 'signal: w, key: request.host, budget: { actions: 500 }'
const WINDOWED = 'signal: w, key: request.host, budget: { actions: 500, then: { window: v, every: 10s, maxKeys: 4 } }'

function rules(workflow: string): readonly CompiledRule[] {
  return rulesOf(`rules:\n  - { name: r, identity: none, workflow: { ${workflow} } }\n`).rules
}

function setUp(workflow: string) {
  const lines: unknown[] = []
  const log: BudgetLog = {
    warn: (fields, text) => void lines.push(['warn', fields, text]),
    info: (fields, text) => void lines.push(['info', fields, text]),
  }
  let spent: Spent = { requests: 0, settled: 0, actions: 0, summaryActions: 0 }
  const budgets = new Budgets(() => spent, log)
  onTestFinished(() => budgets.close())
  budgets.use(rules(workflow), 0)
  let now = 0
  /** Something more was spent, and half a second is over. */
  const step = (more: Partial<Spent>, ms = 500): void => {
    const add = (name: keyof Spent): number => spent[name] + (more[name] ?? 0)
    spent = {
      requests: add('requests'),
      settled: add('settled'),
      actions: add('actions'),
      summaryActions: add('summaryActions'),
    }
    budgets.update((now += ms))
  }
  return { budgets, lines, step }
}

describe('what is told of a budget', () => {
  it('is that it holds events back, once, and what becomes of them', () => {
    const { lines, step } = setUp(WINDOWED)
    for (let i = 0; i < 100; i++) step({ requests: 100, settled: 50, actions: 50 })
    expect(lines).toEqual([
      [
        'warn',
        { rule: 'r', share: 0.5, others: 'windowed' },
        'over budget: only a share of the requests becomes events',
      ],
    ])
  })

  it('is as exact as anybody needs it', () => {
    const { lines, step } = setUp(SAMPLED)
    step({ requests: 100, settled: 33, actions: 100 })
    expect(lines).toMatchObject([['warn', { share: 0.332 }, expect.any(String)]])
  })

  it('is that it no longer does, when it has not for a minute', () => {
    const { lines, step, budgets } = setUp(SAMPLED)
    step({ requests: 100, settled: 50, actions: 50 })
    // Nine of ten coalesce.
    while (budgets.share('r') < 1) step({ requests: 100, settled: 100, actions: 1 })
    expect(lines).toHaveLength(1)
    step({ requests: 1 }, 59_000)
    expect(lines).toHaveLength(1)
    step({ requests: 1 }, 1_000)
    expect(lines.slice(1)).toEqual([['info', { rule: 'r' }, 'within its budget again: every request becomes an event']])
  })

  it('is nothing before the first request: until then there is only a guess', () => {
    const { lines, step } = setUp(SAMPLED)
    step({})
    expect(lines).toEqual([])
    step({ requests: 1 })
    expect(lines).toMatchObject([['warn', { others: 'sampled out' }, expect.any(String)]])
  })

  it('is nothing new after a reload, whatever the budget is now', () => {
    const { lines, step, budgets } = setUp(SAMPLED)
    step({ requests: 1 })
    budgets.use(rules(SAMPLED))
    step({ requests: 1 })
    budgets.use(rules(WINDOWED))
    step({ requests: 1 })
    expect(lines).toHaveLength(1)
  })
})

describe('a budget with windows', () => {
  it('opens a few at once, and more as requests pay for them', () => {
    const { budgets, step } = setUp(WINDOWED)
    const opened = (): number => Array.from({ length: 10 }, () => budgets.mayOpenWindow('r')).filter(Boolean).length
    expect(opened()).toBe(4)
    expect(opened()).toBe(0)
    // Half of half an action each, and a window is reckoned at two.
    step({ requests: 17 })
    expect(opened()).toBe(2)
  })

  it('leaves to events what the windows do not cost', () => {
    const { budgets, step } = setUp(WINDOWED)
    step({ requests: 1000, summaryActions: 100 })
    expect(budgets.share('r')).toBeCloseTo(0.4, 5)
  })

  it('goes on after a reload that changes nothing here, and begins anew after another', () => {
    const { budgets } = setUp(WINDOWED)
    while (budgets.mayOpenWindow('r'));
    budgets.use(rules(WINDOWED))
    expect(budgets.mayOpenWindow('r')).toBe(false)
    budgets.use(rules(WINDOWED.replace('10s', '20s')))
    expect(budgets.mayOpenWindow('r')).toBe(true)
  })
})

it('rules without a budget may open any number of windows, and make every event', () => {
  const { budgets } = setUp('window: w, key: request.host, every: 10s')
  expect(Array.from({ length: 5000 }, () => budgets.mayOpenWindow('r')).every(Boolean)).toBe(true)
  expect(budgets.share('r')).toBe(1)
  expect(budgets.shares()).toEqual([])
})

it('looks by itself while there are budgets, and no longer', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const { budgets } = setUp(SAMPLED)
  expect(vi.getTimerCount()).toBe(1)
  budgets.use([])
  expect(vi.getTimerCount()).toBe(0)
})
