import type { Row } from '../row.ts'

/** What a workflow does: exactly one action, and what that one needs. */
export const ACTIONS: Row[] = [
  [
    'two workflow actions',
    'workflow: ‸{ start: x, meter: y, key: request.host }',
    'CONFIG_CONFLICT',
    'exactly one of "start", "signal"',
    'Write "start" for a workflow of each request',
  ],
  [
    'a signal that has both of its names',
    'workflow: ‸{ signal: x, signalWithStart: x, key: request.host }',
    'CONFIG_CONFLICT',
    'exactly one of',
    '"signal" or "meter"',
  ],
  [
    'no workflow action',
    'workflow: ‸{ key: request.host }',
    'CONFIG_CONFLICT',
    'exactly one of',
    '"signal" or "meter"',
  ],
  [
    'a workflow that is a name',
    'workflow: ‸requestHook',
    'CONFIG_INVALID',
    'workflow: expected a mapping, not text',
    'Write a mapping',
  ],
  ['a meter without a key', 'workflow: ‸{ meter: y }', 'CONFIG_MISSING', 'needs a "key"', 'Add `key: identity.tenant`'],
  ['a signal without key and id', 'workflow: ‸{ signalWithStart: y }', 'CONFIG_MISSING', 'needs a "key"', 'Add `key:'],
  [
    'a window without an interval',
    'workflow: ‸{ window: y, key: request.host }',
    'CONFIG_MISSING',
    '"window" needs "every"',
    'Add `every: 30s`',
  ],
  [
    'a signal to a workflow without its name',
    `workflow: ‸{ signalTo: '"order/" + request.path' }`,
    'CONFIG_MISSING',
    'needs a "signalName"',
    'Add `signalName: paid`',
  ],
]
