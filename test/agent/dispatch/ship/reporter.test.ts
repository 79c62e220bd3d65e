import { expect, test, vi } from 'vitest'
import type { FromThread } from '../../../../agent/dispatch/protocol.ts'
import { type Condition, Reporter } from '../../../../agent/dispatch/ship/reporter.ts'
import { recordedLog } from '../support/commands.ts'

function setUp() {
  const posted: FromThread[] = []
  const log = recordedLog()
  const reporter = new Reporter((message) => void posted.push(message), log)
  const states = () => posted.flatMap((m) => (m.type === 'state' ? [[m.temporal, m.lastError]] : []))
  return { reporter, log, posted, states }
}

test('each change of a namespace is told once, however many calls it touches', () => {
  const { reporter, log, states } = setUp()
  const steps: [Condition | undefined, string | undefined][] = [
    [undefined, 'DEADLINE_EXCEEDED'],
    ['unavailable', 'UNAVAILABLE: gone'],
    ['parked', 'NOT_FOUND: namespace'],
    ['connected', undefined],
    ['slowed', 'RESOURCE_EXHAUSTED: slow'],
    ['overloaded', 'RESOURCE_EXHAUSTED: rest'],
  ]
  for (const step of steps) for (let i = 0; i < 5; i++) reporter.observe('edge', 'temporal:7233', ...step)
  expect(log.lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
    'error: Temporal does not answer: events wait and are delivered when it does',
    'error: Temporal refuses the agent: check namespace, API key and certificates, events wait',
    'info: Temporal takes events',
    'warn: Temporal asks for fewer calls: slowing down',
    'warn: Temporal is overloaded: events wait',
  ])
  expect(log.lines[1]?.fields).toEqual({ address: 'temporal:7233', namespace: 'edge', err: 'NOT_FOUND: namespace' })
  expect(states()).toEqual([
    ['unknown', 'DEADLINE_EXCEEDED'],
    ['unavailable', 'UNAVAILABLE: gone'],
    ['unavailable', 'NOT_FOUND: namespace'],
    ['connected', undefined],
    ['connected', 'RESOURCE_EXHAUSTED: slow'],
    ['connected', 'RESOURCE_EXHAUSTED: rest'],
  ])
})

test('the state is that of the namespace which is worst', () => {
  const { reporter, states } = setUp()
  reporter.observe('edge', 'a', 'connected', undefined)
  reporter.observe('billing', 'b', 'parked', 'NOT_FOUND: billing')
  reporter.observe('edge', 'a', 'connected', undefined)
  reporter.observe('billing', 'b', 'connected', undefined)
  expect(states()).toEqual([
    ['connected', undefined],
    ['unavailable', 'NOT_FOUND: billing'],
    ['connected', undefined],
  ])
})

test('a rule that is refused is told with the call that it may not make, and those that are refused are listed', () => {
  const { reporter, log, posted } = setUp()
  const at = (rule: string, namespace = 'edge') => ({ namespace, address: 'temporal:7233', rule })
  reporter.denied(at('kill'), 'terminate', 'PERMISSION_DENIED: no')
  reporter.denied(at('kill', 'billing'), 'terminate', 'PERMISSION_DENIED: no')
  reporter.denied(at('stop'), 'cancel', 'UNIMPLEMENTED: unknown method')
  reporter.allowed(at('kill'), true)
  reporter.allowed(at('stop'), false)
  reporter.allowed(at('kill', 'billing'), true)
  expect(posted.map((m) => (m.type === 'denied' ? m.rules : m))).toEqual([
    ['kill'],
    ['kill'],
    ['kill', 'stop'],
    ['kill', 'stop'],
    ['kill'],
    [],
  ])
  expect(log.lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
    ...Array.from(
      { length: 3 },
      () => 'error: Temporal refuses the calls of a rule, and takes others: its events wait until it may make them',
    ),
    ...Array.from({ length: 2 }, () => 'info: Temporal takes the calls of the rule'),
  ])
  expect(log.lines[0]?.fields).toEqual({
    ...at('kill'),
    call: 'TerminateWorkflowExecution',
    err: 'PERMISSION_DENIED: no',
  })
})

test('a rule that is refused again and again is no flood of lines', () => {
  const { reporter, log } = setUp()
  for (let i = 0; i < 1_000; i++) {
    reporter.denied({ namespace: 'edge', address: 'a', rule: 'kill' }, 'terminate', 'PERMISSION_DENIED: no')
    reporter.allowed({ namespace: 'edge', address: 'a', rule: 'kill' }, true)
  }
  expect(log.lines.length).toBeLessThan(100)
})

test('an overload that comes and goes is told once', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  try {
    const { reporter, log } = setUp()
    for (let i = 0; i < 20; i++) {
      reporter.observe('edge', 'a', 'overloaded', undefined)
      vi.advanceTimersByTime(300)
      reporter.observe('edge', 'a', 'connected', undefined)
    }
    vi.advanceTimersByTime(6_000)
    reporter.observe('edge', 'a', 'connected', undefined)
    expect(log.lines.map(({ message }) => message)).toEqual([
      'Temporal is overloaded: events wait',
      'Temporal takes events',
    ])
  } finally {
    vi.useRealTimers()
  }
})

test('failures that differ in their words only do not become a flood', () => {
  const { reporter, states } = setUp()
  for (let i = 0; i < 1_000; i++) reporter.observe('edge', 'a', 'connected', `RESOURCE_EXHAUSTED: workflow ${i}`)
  expect(states().length).toBeLessThan(20)
})
