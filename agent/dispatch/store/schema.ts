import type { DatabaseSync } from 'node:sqlite'
import { DispatchError } from '../errors.ts'

/** The schema this release writes; older ones are migrated step by step, newer ones are refused. */
export const VERSION = 3

/** Columns of a row wherever it stands; `body` is text, or bytes where rows are encrypted. */
export const COLUMNS = 'id, action, rule, workflow_id, key, tenant, at, events, call, body'

const ROW = `id TEXT NOT NULL UNIQUE, action INTEGER NOT NULL, rule TEXT NOT NULL, workflow_id TEXT NOT NULL,
  key TEXT NOT NULL, tenant TEXT NOT NULL, at INTEGER NOT NULL, events INTEGER NOT NULL, call TEXT NOT NULL,
  body ANY NOT NULL`

/**
 * `actions` holds the JSON of every action that a row names, so that a row can be delivered under any configuration.
 * Event ids begin with rule and time, so the unique index grows at one edge per rule.
 */
const TABLES = `
  CREATE TABLE actions (id INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE outbox (seq INTEGER PRIMARY KEY, ${ROW}) STRICT;
  CREATE TABLE dead_letters (seq INTEGER PRIMARY KEY, ${ROW}, reason TEXT NOT NULL, attempts INTEGER NOT NULL,
    dead_at INTEGER NOT NULL) STRICT;
  CREATE TABLE delivered (seq INTEGER PRIMARY KEY, ${ROW}, delivered_at INTEGER NOT NULL) STRICT;
  CREATE INDEX delivered_by_time ON delivered (delivered_at);
  CREATE TABLE paused (rule TEXT PRIMARY KEY, since INTEGER NOT NULL) STRICT, WITHOUT ROWID;`

/**
 * `counts`: events of `delivered`, which may get large and stay so, kept by the file itself, so that to ask for them costs
 * nothing. Rows of `outbox` are not counted here: every event would pay for it, and the agent has them in its books. Nor
 * dead letters: they are bounded, so each start reads and counts them, and `DeadLetters` goes on from there.
 */
const COUNTS = `
  CREATE TABLE IF NOT EXISTS counts (name TEXT PRIMARY KEY, events INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT OR REPLACE INTO counts SELECT 'delivered', coalesce(sum(events), 0) FROM delivered;
  CREATE TRIGGER IF NOT EXISTS delivered_in AFTER INSERT ON delivered BEGIN
    UPDATE counts SET events = events + new.events WHERE name = 'delivered';
  END;
  CREATE TRIGGER IF NOT EXISTS delivered_out AFTER DELETE ON delivered BEGIN
    UPDATE counts SET events = events - old.events WHERE name = 'delivered';
  END;`

/** Bodies were whole commands; those of metered events become the record that is left of them. */
const V1_ACTION = `json_object('kind', old.body ->> 'kind', 'rule', old.body ->> 'rule', 'workflowType', old.body ->> 'workflowType',
  'taskQueue', old.body ->> 'taskQueue', 'delivery', old.body ->> 'delivery')`
const V1_RECORD = `json_patch('{}', json_object('id', old.body ->> '$.event.id', 'at', old.body -> '$.event.at',
  'method', old.body ->> '$.event.request.method', 'path', old.body ->> '$.event.request.path',
  'subject', old.body ->> '$.event.actor.subject'))`
const V1_ROW = `old.id, (SELECT actions.id FROM actions WHERE actions.body = ${V1_ACTION}), old.rule, old.body ->> 'workflowId',
  coalesce(old.body ->> 'key', ''), coalesce(old.body ->> '$.event.actor.tenant', ''), coalesce(old.body ->> '$.event.at', 0), 1, '',
  CASE old.body ->> 'kind' WHEN 'meter' THEN ${V1_RECORD} ELSE old.body -> 'event' END`
const V1_WHOLE = `json_valid(old.body) AND old.body ->> 'workflowId' IS NOT NULL AND old.body ->> '$.event.id' IS NOT NULL
  AND old.body ->> 'kind' IS NOT NULL`
const V1_BROKEN = `old.id, 0, old.rule, '', '', '', 0, 1, '', old.body`

const MIGRATIONS: readonly string[] = [
  `CREATE TABLE outbox (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, rule TEXT NOT NULL, body TEXT NOT NULL) STRICT;
   CREATE TABLE dead_letters (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, rule TEXT NOT NULL, body TEXT NOT NULL,
     reason TEXT NOT NULL, attempts INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;`,

  `ALTER TABLE outbox RENAME TO outbox_1;
   ALTER TABLE dead_letters RENAME TO dead_letters_1;
   ${TABLES}
   INSERT OR IGNORE INTO actions (body) SELECT ${V1_ACTION} FROM outbox_1 AS old WHERE ${V1_WHOLE};
   INSERT OR IGNORE INTO actions (body) SELECT ${V1_ACTION} FROM dead_letters_1 AS old WHERE ${V1_WHOLE};
   INSERT INTO outbox SELECT old.seq, ${V1_ROW} FROM outbox_1 AS old WHERE ${V1_WHOLE};
   INSERT INTO dead_letters SELECT old.seq, ${V1_ROW}, old.reason, old.attempts, old.at FROM dead_letters_1 AS old WHERE ${V1_WHOLE};
   INSERT OR IGNORE INTO dead_letters (${COLUMNS}, reason, attempts, dead_at)
     SELECT ${V1_BROKEN}, 'the row is not a command', 0, 0 FROM outbox_1 AS old WHERE NOT (${V1_WHOLE});
   INSERT OR IGNORE INTO dead_letters (${COLUMNS}, reason, attempts, dead_at)
     SELECT ${V1_BROKEN}, old.reason, old.attempts, old.at FROM dead_letters_1 AS old WHERE NOT (${V1_WHOLE});
   DROP TABLE outbox_1;
   DROP TABLE dead_letters_1;`,

  COUNTS,
]

/**
 * Creates the tables, or brings those of an older release up to date, each step as a whole or not at all.
 *
 * @throws DispatchError DISPATCH_OUTBOX_NEWER
 */
export function migrate(db: DatabaseSync): void {
  const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0)
  if (version > VERSION)
    throw new DispatchError('DISPATCH_OUTBOX_NEWER', `schema ${version}, this release knows ${VERSION}`)
  // A new file needs nothing of the past.
  const steps = version === 0 ? [TABLES + COUNTS] : MIGRATIONS.slice(version)
  for (const [i, step] of steps.entries()) {
    const reached = version === 0 ? VERSION : version + i + 1
    db.exec(`BEGIN IMMEDIATE; ${step}; PRAGMA user_version = ${reached}; COMMIT`)
  }
}

/** The first schema, for tests of migrations. */
export const FIRST_SCHEMA = MIGRATIONS[0] ?? ''
