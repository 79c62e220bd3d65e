import { expect, it } from 'vitest'
import { renderEvent, renderRows, renderStatus } from '../../../agent/cli/outbox-view.ts'
import type { OutboxRow } from '../../../agent/dispatch/store/outbox-calls.ts'

const NOW = Date.parse('2026-11-24T18:00:00Z')
const row: OutboxRow = {
  table: 'dead',
  seq: 3,
  id: 'create-order/6B04',
  rule: 'create-order',
  kind: 'start',
  workflowId: 'create-order/6B04',
  events: 1,
  at: NOW - 7_260_000,
  reason: 'INVALID_ARGUMENT: no such task queue',
  attempts: 2,
  deadAt: NOW - 61_000,
}

it('lists rows in columns, with their age and what they come to', () => {
  const metered = { ...row, id: '~x-1', rule: 'api', kind: 'meter', events: 1200, deadAt: NOW }
  expect(renderRows('dead', [row, metered], true, NOW).split('\n')).toEqual([
    'id                 rule          kind   age  dead for  events  attempts  reason',
    'create-order/6B04  create-order  start  2h   1m        1       2         INVALID_ARGUMENT: no such task queue',
    '~x-1               api           meter  2h   0s        1200    2         INVALID_ARGUMENT: no such task queue',
    '',
    '2 rows, 1,201 events: dead letters; there are more: --limit',
  ])
  expect(renderRows('pending', [], false, NOW)).toBe('nothing: waiting for Temporal')
})

it('cuts long cells, but no ids, and prints nothing that a terminal would obey', () => {
  const id = `create-order/${'a'.repeat(90)}`
  const text = renderRows('dead', [{ ...row, id, reason: `\x1b[2J\u202e\n${'b'.repeat(90)}` }], false, NOW)
  expect(text).toContain(id)
  expect(text).toContain(`\ufffd[2J\ufffd ${'b'.repeat(73)}…`)
  expect(text).toMatch(/1 row, 1 event: dead letters$/)
})

it('shows what is known of an event, and what it holds', () => {
  const body = { id: row.id, vars: { note: '\x9b31m' } }
  expect(renderEvent({ row, action: { kind: 'start' }, body, callOptions: {} }).split('\n')).toEqual([
    'id           create-order/6B04',
    'state        dead letters',
    'rule         create-order',
    'workflow id  create-order/6B04',
    'events       1',
    'happened     2026-11-24T15:59:00.000Z',
    'reason       INVALID_ARGUMENT: no such task queue',
    'attempts     2',
    'dead since   2026-11-24T17:58:59.000Z',
    '',
    'action:',
    '{',
    '  "kind": "start"',
    '}',
    '',
    'call options:',
    '{}',
    '',
    'body:',
    '{',
    '  "id": "create-order/6B04",',
    '  "vars": {',
    '    "note": "\ufffd31m"',
    '  }',
    '}',
  ])
})

it('shows what there is in all', () => {
  const status = {
    path: '/var/lib/agent/outbox.db',
    events: { pending: 12, dead: 1, delivered: 0 },
    bytes: 5 * 1024 * 1024,
    pausedRules: ['api'],
    oldestAt: NOW - 3 * 86_400_000,
    encrypted: true,
  }
  expect(renderStatus(status, 'the file itself', NOW).split('\n')).toEqual([
    'file       /var/lib/agent/outbox.db, 5.0 MiB, encrypted',
    'pending    12 events, the oldest is 3d old',
    'dead       1 event',
    'delivered  0 events kept',
    'paused     api',
    'told by    the file itself',
  ])
})
