import { replace } from '../shipped.ts'
import { ARGS, behind, rule, type Row } from './row.ts'

const LATE = 'spoe-message late\n    args path=path\n    event on-backend-http-request\n'

/** Which messages are sent, when, and in which groups. */
export const MESSAGES: Row[] = [
  [
    'SPOE_MESSAGE_MISSING',
    'of a rule about connections',
    {
      agent: replace(/^ {2}- name: health$/, '  - { name: door, on: connection, identity: none }\n\n  - name: health'),
    },
    'error spoe.conf',
    /^spoe-agent temporal-agent$/,
    'temporal-agent',
  ],
  [
    'SPOE_MESSAGE_UNSENT',
    'only a backend has a filter for it, and this one of its events is one of frontends',
    behind(LATE),
    'warning spoe.conf',
    /event on-frontend-http-request/,
    'on-frontend-http-request',
  ],
  [
    'SPOE_MESSAGE_MISSING',
    'no event',
    { spoe: replace('    event on-frontend-http-request', '') },
    'error spoe.conf',
    /^spoe-message check$/,
    'check',
  ],
  [
    'SPOE_MESSAGE_MISSING',
    'not among the messages',
    { spoe: replace('messages check outcome', 'messages outcome') },
    'error spoe.conf',
    /^spoe-agent temporal-agent$/,
    'temporal-agent',
  ],
  [
    'SPOE_MESSAGE_UNSENT',
    'no event',
    { spoe: replace(/^ *event on-http-response.*$/, '') },
    'warning spoe.conf',
    /^spoe-message outcome$/,
    'outcome',
  ],
  [
    'SPOE_MESSAGE_UNSENT',
    'named by nobody',
    { spoe: replace('messages check outcome', 'messages check') },
    'warning spoe.conf',
    /^spoe-message outcome$/,
    'outcome',
  ],
  [
    'SPOE_GROUP_UNSENT',
    'no rule sends it',
    { spoe: replace(/^# The response to.*$/, 'spoe-group later\n    messages outcome\n') },
    'warning spoe.conf',
    /^spoe-group later$/,
    'later',
  ],
  [
    'SPOE_GROUP_TWICE',
    'a message in two',
    {
      spoe: replace(/^# The response to.*$/, 'spoe-group later\n    messages check\n'),
      haproxy: rule('http-request send-spoe-group temporal later if FALSE'),
    },
    'error spoe.conf',
    /^ {4}messages check$/,
    'check',
  ],
  [
    'SPOE_EVENT',
    'too late',
    { spoe: replace('event on-frontend-http-request', 'event on-backend-http-request') },
    'warning spoe.conf',
    /event on-backend/,
    'on-backend-http-request',
  ],
  [
    'SPOE_EVENT_TWICE',
    'two of them',
    { spoe: replace(ARGS, `    event on-client-session\n${ARGS}`) },
    'warning spoe.conf',
    /event on-client/,
    'on-client-session',
  ],
]
