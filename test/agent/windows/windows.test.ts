import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Command, WorkflowAction } from '../../../agent/dispatch/command.ts'
import type { WindowSummary } from '../../../agent/messages.ts'
import { windowAgentName } from '../../../agent/windows/agent-name.ts'
import { Windows, type WindowWorkflow } from '../../../agent/windows/windows.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const NOON = 1_760_000_000_000
const outcome = { status: 200, latencyMs: 5, bytes: 1, server: 's1' }

function workflow(rule: string, more: Partial<WorkflowAction> = {}, maxKeys?: number): WindowWorkflow {
  const action: WorkflowAction = {
    kind: 'window',
    rule,
    workflowType: 'trafficWindow',
    taskQueue: 'edge',
    delivery: 'durable',
    ...more,
  }
  return { action, everyMs: 10_000, maxKeys }
}

function opened() {
  const commands: Command[] = []
  vi.setSystemTime(NOON)
  const windows = new Windows({ emit: (command) => commands.push(command), agent: 'a' })
  return { commands, windows }
}

test('a finished window becomes one command, for the workflow of its rule and key', () => {
  const { commands, windows } = opened()
  const api = workflow('api')
  windows.use([api, workflow('other', { kind: 'meter' })])
  windows.start()
  windows.begin('api', 'acme')
  windows.add('api', 'acme', outcome)
  windows.add('other', 'acme', outcome)
  vi.advanceTimersByTime(10_900)
  expect(commands).toEqual([])
  vi.advanceTimersByTime(400)
  expect(commands).toHaveLength(1)
  expect(commands[0]).toMatchObject({
    id: `api/acme/${NOON}/a`,
    at: NOON + 10_000,
    workflowId: 'api/acme',
    key: 'acme',
    tenant: '',
    body: { id: `api/acme/${NOON}/a`, begun: 1, requests: 1 },
  })
  expect(commands[0]?.action).toBe(api.action)
  windows.flush()
  expect(commands).toHaveLength(1)
})

test('the end hands over what is open, and ends the timer', () => {
  const { commands, windows } = opened()
  windows.use([workflow('api')])
  windows.start()
  windows.add('api', 'acme', outcome)
  windows.add('api', 'initech', outcome)
  expect(windows.open).toBe(2)
  windows.flush()
  expect(commands.map(({ key }) => key)).toEqual(['acme', 'initech'])
  expect(vi.getTimerCount()).toBe(0)
  // What comes all the same is another summary, not a repetition of the first.
  windows.add('api', 'acme', outcome)
  windows.flush()
  expect(commands.at(-1)?.id).toBe(`api/acme/${NOON}/a.1`)
})

test('a thousand windows that end together are handed over a few at a time', () => {
  const { commands, windows } = opened()
  windows.use([workflow('api')])
  windows.start()
  for (let n = 0; n < 1000; n++) windows.add('api', `k${n}`, outcome)
  let most = 0
  for (let before = 0, ms = 0; ms < 12_000; ms++, before = commands.length) {
    vi.advanceTimersByTime(1)
    most = Math.max(most, commands.length - before)
  }
  expect(commands).toHaveLength(1000)
  expect(most).toBe(25)
})

test('a rule without windows counts nothing, and one that a reload takes them from still hands over what it has', () => {
  const { commands, windows } = opened()
  windows.add('api', 'acme', outcome)
  expect(windows.open).toBe(0)
  windows.use([workflow('api', { taskQueue: 'before' })])
  windows.add('api', 'acme', outcome)
  windows.use([])
  windows.add('api', 'acme', outcome)
  windows.begin('api', 'acme')
  windows.flush()
  expect(commands).toMatchObject([{ action: { taskQueue: 'before' }, body: { requests: 1, begun: 0 } }])
})

test('a reload goes on with what is counted, under the new action', () => {
  const { commands, windows } = opened()
  windows.use([workflow('api', { taskQueue: 'before' })])
  windows.add('api', 'acme', outcome)
  windows.use([workflow('api', { taskQueue: 'after' })])
  windows.add('api', 'acme', outcome)
  windows.flush()
  expect(commands).toMatchObject([{ action: { taskQueue: 'after' }, body: { requests: 2 } }])
})

test('what is beyond a budget goes to workflows beside those of the rule, and says what it is', () => {
  const { commands, windows } = opened()
  const overBudget = workflow('audit')
  windows.use([{ ...workflow('audit', { kind: 'signal' }), overBudget }])
  windows.begin('audit', 'acme')
  windows.add('audit', 'acme', outcome)
  windows.flush()
  expect(commands).toMatchObject([
    { workflowId: 'audit/~window/acme', key: 'acme', body: { rule: 'audit', key: 'acme', begun: 1, overBudget: true } },
  ])
  expect(commands[0]?.action).toBe(overBudget.action)
})

test('a window of a rule says nothing of a budget', () => {
  const { commands, windows } = opened()
  windows.use([workflow('api')])
  windows.begin('api', 'acme')
  windows.flush()
  expect(commands[0]?.body).not.toHaveProperty('overBudget')
})

test('keys that a rule may not add are counted together, and those that it has go on', () => {
  const commands: Command[] = []
  let left = 2
  const windows = new Windows({ emit: (command) => commands.push(command), agent: 'a', mayOpen: () => left-- > 0 })
  windows.use([workflow('api')])
  for (const key of ['a', 'b', 'c', 'd', 'a']) windows.begin('api', key)
  windows.flush()
  expect(commands.map(({ key, body }) => [key, (body as WindowSummary).begun])).toEqual([
    ['a', 2],
    ['b', 1],
    ['~others', 2],
  ])
  expect(windows.overflowed).toBe(2)
})

test('keys beyond the bound of a rule are told', () => {
  const { commands, windows } = opened()
  windows.use([workflow('api', {}, 1)])
  windows.add('api', 'acme', outcome)
  windows.add('api', 'initech', outcome)
  windows.flush()
  expect(commands.map(({ workflowId }) => workflowId)).toEqual(['api/acme', 'api/~others'])
  expect(windows.overflowed).toBe(1)
})

test('two lives of one agent sign differently, and no name breaks an id', () => {
  expect(windowAgentName('edge/1')).toMatch(/^edge_1~[\w-]{8}$/)
  expect(windowAgentName('edge')).not.toBe(windowAgentName('edge'))
  const summary: Partial<WindowSummary> = { agent: windowAgentName() }
  expect(summary.agent).not.toContain('/')
})
