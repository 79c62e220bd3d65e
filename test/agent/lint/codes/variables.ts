import { replace } from '../shipped.ts'
import { rule, type Row } from './row.ts'

const LONG = `a_name_that_is_${'very_'.repeat(7)}long`

/** What the agent sets, and by which name it is read. */
export const VARIABLES: Row[] = [
  [
    'HAPROXY_VARIABLE_UNSET',
    'a misspelt name',
    { haproxy: replace('"%[var(txn.temporal.tenant)]"  if', '"%[var(txn.temporal.tennant)]"  if') },
    'warning haproxy.cfg',
    /X-Identity-Tenant/,
    'txn.temporal.tennant',
  ],
  [
    'HAPROXY_VARIABLE_UNSET',
    'a name that nobody sets',
    { haproxy: rule('http-request set-header X %[var(txn.temporal.shoe_size)]') },
    'warning haproxy.cfg',
    /shoe_size/,
    'txn.temporal.shoe_size',
  ],
  [
    'HAPROXY_VARIABLE_UNSET',
    'a misspelt name in spoe.conf',
    { spoe: replace('if { var(txn.temporal.rule)', 'if { var(txn.temporal.rules)') },
    'warning spoe.conf',
    /event on-http-response/,
    'txn.temporal.rules',
  ],
  [
    'HAPROXY_VARIABLE_UNSET',
    'the error by another name than set-on-error gives it',
    { spoe: replace('set-on-error error', 'set-on-error failed') },
    'warning haproxy.cfg',
    /log-format/,
    'txn.temporal.error',
  ],
  [
    'HAPROXY_VARIABLE_UNSET',
    'another scope',
    { haproxy: rule('http-request set-header X %[var(sess.temporal.subject)]') },
    'warning haproxy.cfg',
    /sess\.temporal/,
    'sess.temporal.subject',
  ],
  [
    'HAPROXY_VARIABLE_SCOPE',
    'a caller that outlives the request',
    { haproxy: rule('http-request set-var(sess.caller) var(txn.temporal.subject)') },
    'error haproxy.cfg',
    /sess\.caller/,
    'set-var(sess.caller)',
  ],
  [
    'HAPROXY_VARIABLE_SCOPE',
    'a variable of the response, set with the request',
    { haproxy: rule('http-request set-var(res.x) path') },
    'warning haproxy.cfg',
    /res\.x/,
    'set-var(res.x)',
  ],
  [
    'HAPROXY_ERROR_MATCH',
    'the error as a truth value',
    { haproxy: rule('http-request deny if { var(txn.temporal.error) -m bool }') },
    'warning haproxy.cfg',
    /-m bool/,
    'bool',
  ],
  [
    'SPOE_VARIABLE_UNREGISTERED',
    'one of the agent',
    { spoe: replace(' retry_after dpop_nonce', ' retry_after'), haproxy: replace('txn.temporal.dpop_nonce', 'txn.x') },
    'error spoe.conf',
    /^spoe-agent temporal-agent$/,
    'temporal-agent',
  ],
  [
    'SPOE_VARIABLE_UNREGISTERED',
    'one of a rule',
    { agent: replace('set: { plan:', 'set: { colour: identity.subject, plan:') },
    'error agent.yaml',
    /colour/,
    'colour',
  ],
  [
    'SPOE_VARIABLE_LENGTH',
    'a long name',
    { spoe: replace('dpop_nonce', `dpop_nonce ${LONG}`) },
    'warning spoe.conf',
    /a_name_that/,
    LONG,
  ],
]
