import { replace } from '../shipped.ts'
import type { Row } from './row.ts'

/** What agent.yaml decides, and haproxy.cfg has to carry out. */
export const DECISIONS: Row[] = [
  [
    'HAPROXY_BACKEND_MISSING',
    'a backend is renamed',
    { haproxy: replace(/^backend orders$/, 'backend ordres') },
    'error agent.yaml',
    /route: orders/,
    'orders',
  ],
  [
    'HAPROXY_BACKEND_MISSING',
    'of a rule in a group',
    {
      agent: replace(
        /^ {2}- name: health$/,
        '  - host: a.example.com\n    rules:\n      - { name: g, identity: none, route: ap }\n\n  - name: health',
      ),
    },
    'error agent.yaml',
    /name: g/,
    'ap',
  ],
  [
    'HAPROXY_BACKEND_MISSING',
    'one of several to choose from',
    { agent: replace('    route: orders', '    routeBy: { value: identity.tenant, among: [app, nowhere] }') },
    'error agent.yaml',
    /routeBy/,
    'nowhere',
  ],
  [
    'HAPROXY_REDIRECT_UNUSED',
    'a redirect of a rule',
    { agent: replace('    deny: 403', '    redirect: { to: \'"/login"\' }') },
    'warning agent.yaml',
    /redirect:/,
    '{',
  ],
  [
    'HAPROXY_REDIRECT_UNUSED',
    'a redirect of callers',
    {
      agent: replace('identity: { require: corp, scopes', 'identity: { redirect: \'"/login"\', require: corp, scopes'),
    },
    'warning agent.yaml',
    /redirect:/,
    '\'"/login"\'',
  ],
  [
    'HAPROXY_STATUS_UNUSED',
    'a status without a rule',
    { haproxy: replace(/^.*-m int 403 }$/, '') },
    'warning agent.yaml',
    /deny: 403/,
    '403',
  ],
  [
    'HAPROXY_ROUTE_TO_AGENT',
    'a route to the agent',
    { agent: replace('route: app', 'route: spoe-agents') },
    'error agent.yaml',
    /route: spoe-agents/,
    'spoe-agents',
  ],
  [
    'HAPROXY_ROUTE_UNUSED',
    'nothing takes the route',
    { haproxy: replace(/^ *use_backend.*$/, '    http-request set-header R %[var(txn.temporal.route)]') },
    'warning agent.yaml',
    /route: orders/,
    'orders',
  ],
]
