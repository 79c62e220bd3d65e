import type { MessageView } from 'node-spoe'
import { expect, test } from 'vitest'
import { DecisionCounters } from '../../agent/counters.ts'
import { OUTCOME_ARGUMENTS, outcomeHandler, WINDOW_ARGUMENTS } from '../../agent/outcome.ts'
import { shipped } from '../support/shipped-files.ts'

type Args = Parameters<ReturnType<typeof outcomeHandler>['handle']>[0] extends MessageView<infer A> ? A : never

/** As much of a message as the handler looks at. */
function view(args: Readonly<Record<string, string | number | bigint>>): MessageView<Args> {
  return { get: (name: string) => args[name] } as unknown as MessageView<Args>
}

function handled(args: Readonly<Record<string, string | number | bigint>>, now = 1_760_000_000_250) {
  const counters = new DecisionCounters([{ name: 'api' }])
  const added: unknown[] = []
  const windows = { add: (rule: string, key: string, outcome: object) => void added.push([rule, key, { ...outcome }]) }
  void outcomeHandler(counters, windows, () => now).handle(view(args), undefined as never)
  return { added, outcomes: [...counters.outcomes()] }
}

const base = { id: 'r-1', rule: 'api', status: 200, server: 's1' }

test('an outcome with a key is counted in windows, with the time since the decision', () => {
  const { added, outcomes } = handled({ ...base, wkey: 'acme', at: 1_760_000_000_000, bytes: 77 })
  expect(added).toEqual([['api', 'acme', { status: 200, latencyMs: 250, bytes: 77, server: 's1' }]])
  expect(outcomes).toEqual([{ rule: 'api', status: '2xx', count: 1 }])
})

test('without a key, as a spoe.conf of before sends it, it is counted by rule only', () => {
  const { added, outcomes } = handled(base)
  expect(added).toEqual([])
  expect(outcomes).toEqual([{ rule: 'api', status: '2xx', count: 1 }])
})

test('what HAProxy could not say is unknown, not zero', () => {
  const { added } = handled({ rule: 'api', wkey: 'acme' })
  expect(added).toEqual([['api', 'acme', { status: 0, latencyMs: Number.NaN, bytes: 0, server: '' }]])
})

test('a key beyond ASCII is the one that was set', () => {
  const { added } = handled({ ...base, wkey: Buffer.from('Zürich 北').toString('latin1'), at: 1_760_000_000_000 })
  expect(added).toMatchObject([['api', 'Zürich 北', {}]])
})

test('without windows the handler counts by rule', () => {
  const counters = new DecisionCounters([{ name: 'api' }])
  void outcomeHandler(counters).handle(view({ ...base, wkey: 'acme' }), undefined as never)
  expect([...counters.outcomes()]).toHaveLength(1)
})

test('the shipped spoe.conf sends every argument, and the answer is never waited for by a promise', () => {
  const [, section = ''] = shipped('spoe.conf').split('spoe-message outcome')
  const sent = [...(section.split('event')[0] ?? '').matchAll(/(\w+)=/g)].map(([, name]) => name)
  expect(new Set(sent)).toEqual(new Set(Object.keys({ ...OUTCOME_ARGUMENTS, ...WINDOW_ARGUMENTS })))
  expect(outcomeHandler(new DecisionCounters([])).sync).toBe(true)
})
