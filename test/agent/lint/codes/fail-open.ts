import { both, type Edit, replace } from '../shipped.ts'
import { rule, type Row } from './row.ts'

const SILENT = /^.*agent_silent.*$/
const noDecision = both(replace(/^.*decision\) -m str deny.*$/, ''), replace(SILENT, ''))
/** Instead of the rule that refuses while the agent is silent. */
const onlySilent = (line: string): Edit => replace(SILENT, `    ${line}`)
const IS_ERROR = '{ var(txn.temporal.error) -m found }'
const IS_ALLOWED = '{ var(txn.temporal.decision) -m str allow }'

/** Who is let in though the agent did not say so. */
export const FAIL_OPEN: Row[] = [
  ['HAPROXY_FAIL_OPEN', 'nothing refuses', { haproxy: noDecision }, 'error haproxy.cfg', /^frontend edge$/, 'edge'],
  [
    'HAPROXY_FAIL_OPEN',
    'nothing refuses while the agent is silent',
    { haproxy: replace(/^.*agent_silent.*$/, '') },
    'error haproxy.cfg',
    /http-request deny status 403/,
    'http-request',
  ],
  [
    'HAPROXY_FAIL_OPEN',
    'some are let in, and nobody is kept out',
    {
      haproxy: both(noDecision, rule(`http-request allow if ${IS_ALLOWED}`)),
    },
    'error haproxy.cfg',
    /^frontend edge$/,
    'edge',
  ],
  [
    'HAPROXY_FAIL_OPEN',
    'what refuses while the agent is silent looks at another variable than set-on-error names',
    {
      spoe: replace('set-on-error error', 'set-on-error failed'),
      haproxy: both(
        replace('txn.temporal.error', 'txn.temporal.failed'),
        onlySilent(`http-request return status 503 if ${IS_ERROR}`),
      ),
    },
    'error haproxy.cfg',
    /http-request deny status 403/,
    'http-request',
  ],
  ...[
    'set-var(txn.err) var(txn.temporal.error)',
    'set-var-fmt(txn.err) "%[var(txn.temporal.error)]"',
    `sc-inc-gpc0(0) if ${IS_ERROR}`,
    `set-map(errors.map) %[src] %[var(txn.temporal.error)] if ${IS_ERROR}`,
    `set-log-level warning if ${IS_ERROR}`,
  ].map((action): Row => [
    'HAPROXY_FAIL_OPEN',
    `the silence is only noted: ${action}`,
    { haproxy: onlySilent(`http-request ${action}`) },
    'error haproxy.cfg',
    /http-request deny status 403/,
    'http-request',
  ]),
  [
    'HAPROXY_FAIL_OPEN',
    'the decision is only used for something else',
    { haproxy: both(noDecision, rule(`http-request set-nice 1 if ${IS_ALLOWED}`)) },
    'error haproxy.cfg',
    /^frontend edge$/,
    'edge',
  ],
  [
    'HAPROXY_FAIL_OPEN',
    'who is let in is led elsewhere, and all others to the default backend',
    { haproxy: both(noDecision, rule(`use_backend orders if ${IS_ALLOWED}`)) },
    'error haproxy.cfg',
    /^frontend edge$/,
    'edge',
  ],
  [
    'HAPROXY_FAIL_OPEN',
    'one backend refuses, and another one does not',
    { haproxy: both(noDecision, replace(/^backend app$/, `backend app\n    http-request deny unless ${IS_ALLOWED}`)) },
    'error haproxy.cfg',
    /^backend orders$/,
    'orders',
  ],
  [
    'HAPROXY_FAIL_OPEN',
    'one backend refuses while the agent is silent, and another one does not',
    {
      haproxy: both(
        onlySilent('use_backend orders if { path_beg /orders/ }'),
        replace(/^backend app$/, `backend app\n    http-request deny unless ${IS_ALLOWED}`),
      ),
    },
    'error haproxy.cfg',
    /^backend orders$/,
    'orders',
  ],
]
