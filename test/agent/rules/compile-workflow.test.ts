import { describe, expect, it } from 'vitest'
import type { CompiledWorkflow } from '../../../agent/rules/rule.ts'
import { rulesOf } from './support.ts'

function compiled(workflow: string): CompiledWorkflow {
  const rule = `  - { name: r, identity: { require: corp }, workflow: { ${workflow} } }\n`
  return rulesOf(`rules:\n${rule}`).rules[0]?.workflow as CompiledWorkflow
}

it.each([
  ['start: w', 'start', 'w'],
  ['signal: w, key: identity.tenant', 'signal', 'w'],
  ['signalWithStart: w, key: identity.tenant', 'signal', 'w'],
  ['signalTo: identity.subject, signalName: s', 'signal', ''],
  ['meter: w, key: identity.tenant', 'meter', 'w'],
  ['window: w, key: identity.tenant, every: 10s', 'window', 'w'],
  ['cancel: identity.subject', 'cancel', ''],
  ['terminate: identity.subject', 'terminate', ''],
])('{ %s } is a %s of "%s"', (text, kind, workflowType) => {
  expect(compiled(text).action).toMatchObject({ kind, workflowType, rule: 'r' })
})

it('an action holds what the file says and no default, so that equal rules have equal actions', () => {
  expect(compiled('start: w').action).toEqual({
    kind: 'start',
    rule: 'r',
    workflowType: 'w',
    taskQueue: 'edge',
    delivery: 'memory',
  })
})

it('everything that a file can say of a start', () => {
  const { action, call, sample, budget, onUnstored } = compiled(`start: w, id: identity.subject, delivery: strict,
      onUnstored: allow, worth: low, namespace: billing, idReuse: allow_duplicate, idConflict: terminate_existing,
      timeouts: { execution: 1h, run: 30m, task: 20s }, priority: 1, maxAge: 24h, startDelay: 10s, taskQueue: orders,
      throttle: { rate: 10/1s }, rateLimit: { rate: 100/1m, key: identity.tenant }, debounce: { wait: 5s, max: 1m },
      sample: 0.5, budget: { actions: 5 }, memo: { a: identity.subject }, searchAttributes: { B: identity.tenant }`)
  expect(action).toEqual({
    kind: 'start',
    rule: 'r',
    workflowType: 'w',
    taskQueue: 'orders',
    delivery: 'strict',
    worth: 'low',
    namespace: 'billing',
    idReuse: 'allow_duplicate',
    idConflict: 'terminate_existing',
    timeouts: { executionMs: 3_600_000, runMs: 1_800_000, taskMs: 20_000 },
    priority: 1,
    maxAgeMs: 86_400_000,
    debounce: { waitMs: 5000, maxWaitMs: 60_000 },
    throttle: { count: 10, perMs: 1000 },
    rateLimit: { count: 100, perMs: 60_000 },
  })
  expect(JSON.parse(JSON.stringify(action))).toEqual(action)
  expect(call).toMatchObject({ startDelayMs: 10_000, reason: undefined })
  expect({ sample, budget, onUnstored }).toEqual({ sample: 0.5, budget: 0.005, onUnstored: 'allow' })
})

it('everything that a file can say of a meter', () => {
  const { action, shards } = compiled(`meter: w, key: identity.tenant, signalName: usage, shards: 4,
      batch: { records: 500, delay: 1s, bytes: 100000 }`)
  expect(action).toMatchObject({
    signalName: 'usage',
    batch: { maxRecords: 500, maxDelayMs: 1000, maxBytes: 100_000 },
  })
  expect(shards).toBe(4)
})

it('what a batch leaves open is as in rules that say nothing of batches', () => {
  expect(compiled('meter: w, key: identity.tenant, batch: { records: 5 }').action.batch).toEqual({
    maxRecords: 5,
    maxDelayMs: 250,
    maxBytes: 262_144,
  })
})

describe('windows beyond a budget', () => {
  const beyond = (workflow: string): unknown => {
    const { overBudget, keyExpression } = compiled(workflow)
    return overBudget && { ...overBudget, keyExpression: overBudget.keyExpression === keyExpression ? 'same' : 'own' }
  }

  it('have the place and the worth of the events that they stand for, and nothing of their calls', () => {
    expect(
      beyond(`signal: w, key: identity.subject, signalName: s, delivery: durable, worth: low, namespace: n, priority: 2,
        maxAge: 1h, timeouts: { run: 1h }, debounce: { wait: 5s }, rateLimit: { rate: 5/1s }, taskQueue: q,
        budget: { actions: 5, then: { window: v, every: 10s } }`),
    ).toEqual({
      action: {
        kind: 'window',
        rule: 'r',
        workflowType: 'v',
        taskQueue: 'q',
        delivery: 'durable',
        worth: 'low',
        namespace: 'n',
        priority: 2,
        maxAgeMs: 3_600_000,
      },
      keyExpression: 'same',
      everyMs: 10_000,
      maxKeys: undefined,
    })
  })

  it('may be told apart and worked on in other ways', () => {
    const text =
      'start: w, budget: { actions: 5, then: { window: v, every: 1m, key: request.host, maxKeys: 7, taskQueue: q } }'
    expect(beyond(text)).toMatchObject({
      action: { taskQueue: 'q', delivery: 'memory' },
      keyExpression: 'own',
      everyMs: 60_000,
      maxKeys: 7,
    })
  })

  it('are none where the rest is sampled', () => {
    expect(beyond('start: w, budget: { actions: 5 }')).toBeUndefined()
    expect(beyond('start: w')).toBeUndefined()
  })
})

it('a window has its interval, and all others none', () => {
  const window = compiled('window: w, key: identity.tenant, every: 1m, maxKeys: 50')
  expect([window.everyMs, window.maxKeys]).toEqual([60_000, 50])
  expect(compiled('meter: w, key: identity.tenant').everyMs).toBe(0)
})

it('a debounce without a longest wait ends after ten waits', () => {
  const { action } = compiled('signal: w, key: identity.tenant, debounce: { wait: 5s }')
  expect(action.debounce).toEqual({ waitMs: 5000, maxWaitMs: 50_000 })
})

it('what expressions of a call read is asked of spoe.conf', () => {
  const { needs } = rulesOf(`rules:
  - name: r
    identity: none
    workflow:
      start: w
      id: request.headers["x-id"]
      memo: { a: 'request.headers["x-memo"]' }
      searchAttributes: { A: 'request.headers["x-attribute"]' }
      throttle: { rate: 1/1s, key: 'request.headers["x-throttle"]' }
`)
  expect([...needs.headers].toSorted()).toEqual(['x-attribute', 'x-id', 'x-memo', 'x-throttle'])
})
