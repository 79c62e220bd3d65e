import { replace } from '../shipped.ts'
import type { Row } from './row.ts'

const MODE = /^ *\.if version_atleast\(3\.1-dev4\)\n.*\n.*\n.*\n.*$/

/** The backend that leads to the agent. */
export const AGENT_BACKEND: Row[] = [
  [
    'HAPROXY_AGENT_ADDRESS',
    'another port',
    { haproxy: replace('"127.0.0.1:${SPOP_PORT}"', '127.0.0.1:9999') },
    'warning haproxy.cfg',
    /server agent1/,
    '127.0.0.1:9999',
  ],
  [
    'HAPROXY_AGENT_ORDER',
    'mode tcp above the frontend',
    { haproxy: replace(MODE, '    mode tcp') },
    'warning haproxy.cfg',
    /mode tcp/,
    'tcp',
  ],
  [
    'HAPROXY_AGENT_TIMEOUT',
    'shorter than HAProxy waits',
    { haproxy: replace('timeout server 2m', 'timeout server 10') },
    'warning haproxy.cfg',
    /timeout server 10/,
    '10',
  ],
  [
    'HAPROXY_AGENT_TIMEOUT',
    'none, neither in defaults',
    { haproxy: replace(/^ *timeout server.*$/, '') },
    'warning haproxy.cfg',
    /^backend spoe-agents/,
    'spoe-agents',
  ],
  [
    'HAPROXY_AGENT_CHECK',
    'no option',
    { haproxy: replace('option spop-check', '') },
    'warning haproxy.cfg',
    /^backend spoe-agents/,
    'spoe-agents',
  ],
  [
    'HAPROXY_AGENT_CHECK',
    'no check of the server',
    { haproxy: replace(' check inter 1s fall 2 rise 1', '') },
    'warning haproxy.cfg',
    /server agent1/,
    'agent1',
  ],
  [
    'HAPROXY_AGENT_MAXCONN',
    'a limit copied from other servers',
    { haproxy: replace('check inter 1s', 'maxconn 10 check inter 1s') },
    'warning haproxy.cfg',
    /server agent1/,
    'maxconn',
  ],
  [
    'SPOE_BACKEND_MISSING',
    'a backend that is not there',
    { spoe: replace('use-backend spoe-agents', 'use-backend spoe-agent') },
    'error spoe.conf',
    /use-backend/,
    'spoe-agent',
  ],
]
