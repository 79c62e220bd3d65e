import { Registry } from 'prom-client'
import { expect, it, onTestFinished, vi } from 'vitest'
import { dispatchMetrics } from '../../../agent/admin/dispatch-metrics.ts'
import { Counters, GLOBAL, SLOT } from '../../../agent/dispatch/counters.ts'
import type { ConnectionStatus } from '../../../agent/dispatch/temporal/status.ts'
import type { AgentParts } from '../../../agent/parts.ts'

function registryOf(
  counters: Counters,
  over: Partial<AgentParts> = {},
  connections: readonly Partial<ConnectionStatus>[] = [],
): Registry {
  const registry = new Registry()
  const dispatcher = {
    counters: () => counters.read(),
    state: () => ({
      temporal: 'connected',
      oldestPendingMs: 1500,
      outboxRows: 4,
      pausedRules: ['orders'],
      deniedRules: ['audit'],
      connections,
    }),
  }
  dispatchMetrics(registry, { dispatcher, ...over } as unknown as AgentParts)
  return registry
}

/** Lines without comments and without the prefix that all share. */
async function lines(registry: Registry): Promise<string[]> {
  const text = await registry.metrics()
  return text.split('\n').flatMap((line) => /^haproxy_temporal_(.*)$/.exec(line)?.[1] ?? [])
}

it('tells how much waits in memory and on disk, and what bounds it', async () => {
  const counters = new Counters(['orders'])
  counters.addGlobal(GLOBAL.accepted, 12)
  counters.addGlobal(GLOBAL.acceptedBytes, 4800)
  counters.addGlobal(GLOBAL.released, 5)
  counters.addGlobal(GLOBAL.releasedBytes, 2000)
  counters.addGlobal(GLOBAL.stored, 4)
  counters.addGlobal(GLOBAL.storedBytes, 1600)
  counters.addGlobal(GLOBAL.deadLetters, 2)
  counters.addGlobal(GLOBAL.deadLettersDropped, 7)
  counters.addGlobal(GLOBAL.unstored, 3)
  const all = await lines(registryOf(counters))
  for (const line of [
    'dispatch_memory_events 7',
    'dispatch_memory_bytes 2800',
    'outbox_rows 4',
    'outbox_bytes 1600',
    'outbox_paused{rule="orders"} 1',
    'outbox_dead_letters 2',
    'outbox_dead_letters_dropped_total 7',
    'unstored_events_total 3',
    'events_oldest_pending_seconds 1.5',
  ]) {
    expect(all).toContain(line)
  }
})

it('tells what Temporal is asked for, and what a rule is billed, the same at every scrape', async () => {
  const counters = new Counters(['orders'])
  counters.add(counters.row('orders'), SLOT.actions, 40)
  counters.addGlobal(GLOBAL.calls, 21)
  counters.addGlobal(GLOBAL.inFlight, 3)
  counters.addGlobal(GLOBAL.concurrency, 64)
  const registry = registryOf(counters)
  for (let scrape = 0; scrape < 2; scrape++) {
    const all = await lines(registry)
    for (const line of [
      'temporal_calls_total 21',
      'temporal_actions_total{rule="orders"} 40',
      'temporal_actions_total{rule="(other)"} 0',
      'temporal_calls_in_flight 3',
      'temporal_concurrency_limit 64',
      'temporal_connected 1',
      'temporal_denied{rule="audit"} 1',
    ]) {
      expect(all).toContain(line)
    }
  }
})

it('tells of budgets and windows as they are when it is asked', async () => {
  let shares = [{ rule: 'audit', share: 0.25 }]
  const budgets = { shares: () => shares }
  const windows = { open: 6, overflowed: 9 }
  const counters = new Counters(['audit'])
  counters.add(counters.row('audit'), SLOT.windowed, 7)
  const registry = registryOf(counters, { budgets, windows } as unknown as Partial<AgentParts>)
  const all = await lines(registry)
  expect(all).toContain('budget_share{rule="audit"} 0.25')
  expect(all).toContain('events_windowed_total{rule="audit"} 7')
  expect(all).toContain('windows_open 6')
  expect(all).toContain('windows_overflowed_total 9')
  // A reload has taken it away.
  shares = []
  expect((await lines(registry)).join('\n')).not.toContain('budget_share')
})

it('tells when client certificates end, and how rotations went', async () => {
  vi.useFakeTimers({ now: 1_000_000 })
  onTestFinished(() => void vi.useRealTimers())
  const registry = registryOf(new Counters([]), {}, [
    { name: '(default)', certificateExpiresAt: 1_090_000, rotations: 2, failedRotations: 1 },
    { name: 'audits', rotations: 0, failedRotations: 0 },
  ])
  const all = await lines(registry)
  for (const line of [
    'temporal_certificate_expiry_seconds{connection="(default)"} 90',
    'temporal_rotations_total{connection="(default)",result="ok"} 2',
    'temporal_rotations_total{connection="(default)",result="failed"} 1',
    'temporal_rotations_total{connection="audits",result="ok"} 0',
  ]) {
    expect(all).toContain(line)
  }
  expect(all.filter((line) => line.startsWith('temporal_certificate'))).toHaveLength(1)
})
