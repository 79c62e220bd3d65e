import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { Outbox } from '../../../../agent/dispatch/store/outbox.ts'
import { FIRST_SCHEMA, VERSION } from '../../../../agent/dispatch/store/schema.ts'
import { tempFolder } from '../../../support/folder.ts'
import { readable, ROOM, row } from './support.ts'

/** A command as the first release stored it. */
function first(kind: string, n: number): object {
  const id = `${kind}-rule/r-${n}`
  return {
    kind,
    rule: `${kind}-rule`,
    workflowType: 'someType',
    taskQueue: 'edge',
    delivery: 'durable',
    workflowId: kind === 'start' ? id : `${kind}-rule/acme`,
    key: kind === 'start' ? '' : 'acme',
    event: {
      id,
      type: `${kind}-rule`,
      rule: `${kind}-rule`,
      at: 1_760_000_000_000 + n,
      request: { id: `r-${n}`, method: 'POST', host: 'h', path: '/ü"\\', query: '', source: '10.0.0.1' },
      actor: {
        v: 1,
        type: 'jwt',
        roles: [],
        scopes: [],
        requestId: `r-${n}`,
        rule: 'r',
        ...(n > 1 && { subject: 'ann', tenant: 'acme' }),
      },
      vars: {},
    },
  }
}

test('a file of the first release is migrated: every event waits as it did, what nobody can read is a dead letter', () => {
  const path = join(tempFolder(), 'outbox.db')
  const old = new DatabaseSync(path)
  old.exec(`${FIRST_SCHEMA}; PRAGMA user_version = 1`)
  const insert = old.prepare('INSERT INTO outbox (seq, id, rule, body) VALUES (?, ?, ?, ?)')
  const commands = [first('start', 1), first('signal', 2), first('meter', 1), first('meter', 2)]
  commands.forEach((command, i) => insert.run(10 + i, `id-${i}`, 'some-rule', JSON.stringify(command)))
  insert.run(20, 'id-broken', 'some-rule', 'not JSON')
  insert.run(21, 'id-odd', 'some-rule', '{"half":true}')
  old
    .prepare('INSERT INTO dead_letters (id, rule, body, reason, attempts, at) VALUES (?, ?, ?, ?, ?, ?)')
    .run('id-dead', 'some-rule', JSON.stringify(first('start', 3)), 'too large', 4, 99)
  old.close()

  const outbox = new Outbox(path)
  const rows = readable(outbox)
  expect(
    rows.map(({ seq, id, workflowId, key, tenant, at, events, call }) => [
      seq,
      id,
      workflowId,
      key,
      tenant,
      at,
      events,
      call,
    ]),
  ).toEqual([
    [10, 'id-0', 'start-rule/r-1', '', '', 1_760_000_000_001, 1, ''],
    [11, 'id-1', 'signal-rule/acme', 'acme', 'acme', 1_760_000_000_002, 1, ''],
    [12, 'id-2', 'meter-rule/acme', 'acme', '', 1_760_000_000_001, 1, ''],
    [13, 'id-3', 'meter-rule/acme', 'acme', 'acme', 1_760_000_000_002, 1, ''],
  ])
  expect(rows.map(({ action }) => JSON.parse(action) as object)[1]).toEqual({
    kind: 'signal',
    rule: 'signal-rule',
    workflowType: 'someType',
    taskQueue: 'edge',
    delivery: 'durable',
  })
  expect(rows.map(({ body }) => JSON.parse(body) as object)).toEqual([
    (commands[0] as { event: object }).event,
    (commands[1] as { event: object }).event,
    { id: 'meter-rule/r-1', at: 1_760_000_000_001, method: 'POST', path: '/ü"\\' },
    { id: 'meter-rule/r-2', at: 1_760_000_000_002, method: 'POST', path: '/ü"\\', subject: 'ann' },
  ])
  const dead = outbox.db.prepare('SELECT id, reason, attempts, dead_at FROM dead_letters ORDER BY id').all()
  expect(dead).toEqual([
    { id: 'id-broken', reason: 'the row is not a command', attempts: 0, dead_at: 0 },
    { id: 'id-dead', reason: 'too large', attempts: 4, dead_at: 99 },
    { id: 'id-odd', reason: 'the row is not a command', attempts: 0, dead_at: 0 },
  ])
  expect(outbox.lastSeq).toBe(13)
  expect(outbox.db.prepare('PRAGMA user_version').get()).toEqual({ user_version: VERSION })
  outbox.close()
  new Outbox(path).close()
})

test('a file of the second release gets its count, also where it was carried over with other rows', () => {
  const path = join(tempFolder(), 'outbox.db')
  const outbox = new Outbox(path, undefined, true)
  outbox.insert([row(1), row(2, {}, 40), row(3)], { ...ROOM })
  outbox.bury(1, 'no', 1)
  outbox.deliver(2)
  outbox.flush()
  // As `.clone` of a damaged file leaves it: the count is that of rows that are gone.
  outbox.db.exec('UPDATE counts SET events = 77; PRAGMA user_version = 2')
  outbox.close()
  const again = new Outbox(path)
  const counts = ({ db }: Outbox) => db.prepare('SELECT name, events FROM counts').all()
  expect(counts(again)).toEqual([{ name: 'delivered', events: 40 }])
  again.close()
  const old = new DatabaseSync(path)
  old.exec('DROP TABLE counts; DROP TRIGGER delivered_in; DROP TRIGGER delivered_out; PRAGMA user_version = 2')
  old.close()
  const migrated = new Outbox(path, undefined, true)
  migrated.deliver(3)
  migrated.flush()
  expect(counts(migrated)).toEqual([{ name: 'delivered', events: 41 }])
  migrated.close()
})
