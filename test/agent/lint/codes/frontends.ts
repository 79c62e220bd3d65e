import { both, replace } from '../shipped.ts'
import type { Row } from './row.ts'

/** Where requests come in, and whether the agent is asked there. */
export const FRONTENDS: Row[] = [
  [
    'HAPROXY_FILTER_MISSING',
    'no filter',
    { haproxy: replace(/^ *filter spoe.*$/, '') },
    'error haproxy.cfg',
    /^frontend edge-plain/,
    'edge-plain',
  ],
  [
    'HAPROXY_FILTER_MISSING',
    'a filter in a backend only',
    {
      haproxy: both(
        replace(/^ *filter spoe.*$/, ''),
        replace(/^backend app$/, 'backend app\n    filter spoe engine temporal config spoe.conf'),
      ),
    },
    'error haproxy.cfg',
    /^frontend edge-plain/,
    'edge-plain',
  ],
  [
    'HAPROXY_UNIQUE_ID_MISSING',
    'no format',
    { haproxy: replace(/^ *unique-id-format.*$/, '') },
    'warning haproxy.cfg',
    /^frontend edge$/,
    'edge',
  ],
  [
    'HAPROXY_UNIQUE_ID_COMMON',
    'an id that clients choose',
    { haproxy: replace(/unique-id-format .*$/, 'unique-id-format %[req.hdr(x-request-id)]') },
    'warning haproxy.cfg',
    /unique-id-format %/,
    '%[req.hdr(x-request-id)]',
  ],
  [
    'HAPROXY_TCP_FRONTEND',
    'a frontend in mode tcp',
    { haproxy: replace(/^frontend edge$/, 'frontend edge\n    mode tcp') },
    'error haproxy.cfg',
    /filter spoe engine temporal config/,
    'spoe',
  ],
  [
    'HAPROXY_FRONTEND_UNASKED',
    'a second door',
    {
      haproxy: replace(/^backend app$/, 'frontend side\n    bind 127.0.0.1:1\n    default_backend app\n\nbackend app'),
    },
    'warning haproxy.cfg',
    /^frontend side/,
    'side',
  ],
  [
    'HAPROXY_FRONTEND_UNASKED',
    'a second door to where only a rule leads',
    {
      haproxy: replace(
        /^backend app$/,
        'listen side\n    bind 127.0.0.1:1\n    use_backend orders if TRUE\n\nbackend app',
      ),
    },
    'warning haproxy.cfg',
    /^listen side/,
    'side',
  ],
]
