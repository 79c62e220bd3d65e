import { expect, test } from 'vitest'
import type { Verdict } from '../../../agent/dispatch/classify.ts'
import { Gate } from '../../../agent/dispatch/gate.ts'
import type { FromThread } from '../../../agent/dispatch/protocol.ts'
import { forwardingLog, Reporter } from '../../../agent/dispatch/reporter.ts'

const AWAY: Verdict = { kind: 'retry', scope: 'server', cause: 'unavailable', reason: 'UNAVAILABLE: gone' }
const REFUSED: Verdict = { kind: 'park', scope: 'server', reason: 'NOT_FOUND: namespace' }
const SLOWER: Verdict = { kind: 'retry', scope: 'server', cause: 'throttled', reason: 'RESOURCE_EXHAUSTED: slow' }

test('each change of state is logged once, however many calls it touches', () => {
  const said: FromThread[] = []
  const post = (message: FromThread): void => void said.push(message)
  const gate = new Gate()
  const reporter = new Reporter(post, forwardingLog(post), 'temporal:7233')
  const steps = [
    ['unavailable', AWAY],
    ['parked', REFUSED],
    [undefined, { kind: 'delivered' }],
    ['throttled', SLOWER],
  ] as const
  for (const [cause, verdict] of steps) {
    if (cause === undefined) gate.answered()
    for (let i = 0; i < 5; i++) {
      if (cause !== undefined) gate.pause(cause, 0)
      reporter.observe(verdict, gate)
    }
  }
  expect(said.flatMap((m) => (m.type === 'log' ? `${m.level}: ${m.message}` : []))).toEqual([
    'error: Temporal does not answer: events wait and are delivered when it does',
    'error: Temporal refuses the agent: check namespace, API key and certificates, events wait',
    'info: Temporal takes events',
    'warn: Temporal asks for fewer calls: slowing down',
  ])
  expect(said.flatMap((m) => (m.type === 'state' ? [[m.temporal, m.lastError]] : []))).toEqual([
    ['unavailable', 'UNAVAILABLE: gone'],
    ['unavailable', 'NOT_FOUND: namespace'],
    ['connected', undefined],
    ['connected', 'RESOURCE_EXHAUSTED: slow'],
  ])
})
