import { isEnd, type Lane, LANES, pathOf, takesKey } from './lanes.ts'
import { EVERY_MS } from './windows.ts'

/** Gives nothing where the client sent no key: then the event has the id of its request. */
const KEY = `'identity.tenant + "/" + request.params["key"]'`

/**
 * Somewhat more than comes of one tenant in the short form, and as much as in the long one, one at a time: so some wait at
 * any moment, and none for long when the load is over.
 */
const HOLDS = {
  throttled: ', throttle: { rate: 1/500ms, key: identity.tenant }',
  debounced: ', debounce: { wait: 500ms, max: 2s, key: identity.tenant }',
} as const

/** The shipped workflow of each kind. */
export const WORKFLOWS = {
  meter: 'usageMeter',
  signal: 'auditTrail',
  start: 'requestHook',
  window: 'trafficWindow',
} as const

/** How the agent reaches Temporal: through the proxy, over TLS with a client certificate and a key. */
export interface EndpointFiles {
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
  readonly keyOfApi: string
  /** Encrypts the outbox. */
  readonly keysOfOutbox: string
}

/**
 * The agent.yaml of the suite: a rule for each lane.
 * @param endpoint absent for the worker, which reaches Temporal directly
 * @param generation changes what a reload sees: limits of batches, and a rule before all others
 */
export function configOf(endpoint: EndpointFiles | undefined, generation = 0): string {
  const proof =
    endpoint === undefined
      ? ''
      : `, tls: { caFile: "${endpoint.caFile}", certFile: "${endpoint.certFile}", keyFile: "${endpoint.keyFile}", serverName: localhost }, apiKey: { file: "${endpoint.keyOfApi}" }`
  const encrypted = endpoint === undefined ? '' : `, encryptionKey: { file: "${endpoint.keysOfOutbox}" }`
  const rules = LANES.map((lane) => {
    const { kind, held, endedBy } = lane
    if (isEnd(kind)) return ruleOf(lane, `${kind}: ${idOf(endedOf(lane))}`)
    const entity = kind === 'start' ? '' : ', key: identity.tenant'
    // So long that none of them begins by itself.
    const open = endedBy === undefined ? '' : `, id: ${idOf(lane)}, startDelay: 1h`
    const batch =
      kind === 'meter' ? `, batch: { records: ${200 + generation}, delay: ${100 + (generation % 5) * 50}ms }` : ''
    const hold = held === undefined ? '' : HOLDS[held]
    const every = kind === 'window' ? `, every: ${EVERY_MS}ms` : ''
    const key = takesKey(lane) ? `, idempotencyKey: ${KEY}` : ''
    return ruleOf(lane, `${kind}: ${WORKFLOWS[kind]}, taskQueue: edge${entity}${batch}${hold}${every}${open}${key}`)
  })
  return `version: 1
spop: { listen: ["tcp://127.0.0.1:\${SPOP_PORT}"], deadline: "\${SPOP_DEADLINE}", drain: "\${SPOP_DRAIN}" }
admin: { listen: "tcp://127.0.0.1:\${ADMIN_PORT}" }
temporal: { address: "\${TEMPORAL_ADDRESS}"${proof} }
outbox: { path: "\${OUTBOX_PATH}", drain: "\${OUTBOX_DRAIN}"${encrypted} }
identity:
  providers:
    corp: { preset: oidc, issuer: "\${OIDC_ISSUER}", audience: [orders-api], claims: { tenant: tenant, roles: roles } }
rules:
  - name: generation-${generation}
    match: { path: "/generation/${generation}" }
    identity: none
${rules.join('\n')}
default: { deny: 403 }
`
}

function ruleOf(lane: Lane, action: string): string {
  const { rule, namespace, delivery } = lane
  return `  - name: ${rule}
    match: { path: "${pathOf(lane, '{n}')}" }
    identity: { require: corp }
    workflow: { ${action}, namespace: ${namespace}, delivery: ${delivery} }`
}

/** Expression of the workflow id of that lane's number `n`: what starts it and what ends it must name it alike. */
function idOf({ rule }: Lane): string {
  return `'"${rule}/" + captures.n'`
}

function endedOf(end: Lane): Lane {
  const ended = LANES.find(({ endedBy }) => endedBy === end)
  if (ended === undefined) throw new TypeError(`${end.rule} ends nothing`)
  return ended
}
