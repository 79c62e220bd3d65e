import { styleText } from 'node:util'
import type { Stack } from './stack.ts'

/** Where everything is, as `dev --json` prints it. */
export interface Addresses {
  readonly edge: { readonly https: string; readonly http: string }
  /** `host:port`, as in a `server` line. */
  readonly spop: string
  readonly admin: string
  readonly temporal: { readonly address: string; readonly ui: string | null }
  readonly provider: string
  readonly upstreams: Readonly<Record<string, string>>
  readonly taskQueues: readonly string[]
  /** Ports that somebody else had, with what is used instead. */
  readonly taken: Stack['taken']
  /** Certificate of the authority, for `curl --cacert`. */
  readonly ca: string
  readonly logs: readonly string[]
}

/** @param ca path of the authority's certificate, as the reader should type it */
export function addressesOf(stack: Stack, ca: string): Addresses {
  const { ports, haproxy, agent, worker, temporal } = stack
  const local = (port: number): string => `127.0.0.1:${port}`
  return {
    edge: { https: `https://localhost:${ports.https}`, http: `http://localhost:${ports.http}` },
    spop: local(ports.spop),
    admin: stack.adminUrl,
    temporal: { address: stack.temporalAddress, ui: temporal?.ui ?? null },
    provider: stack.identity.issuer,
    upstreams: { app: local(ports.app), orders: local(ports.orders) },
    taskQueues: stack.taskQueues,
    taken: stack.taken,
    ca,
    logs: [haproxy, agent, worker, temporal?.process].flatMap((part) => part?.logFile ?? []),
  }
}

/** What `dev` prints when everything runs: where it listens, how to get a token, what to type. */
export function welcome({ edge, temporal, ...at }: Addresses): string {
  const curl = `curl --cacert ${at.ca}`
  const heading = (text: string): string => styleText('bold', text)
  const upstreams = Object.entries(at.upstreams).map(([name, address]) => `${name} ${address}`)
  const running = {
    edge: [edge.https, edge.http],
    agent: [`SPOP ${at.spop}`, `${at.admin}/metrics`, '/readyz', '/status'],
    worker: [`task queue ${at.taskQueues.join(', ')}`],
    Temporal: [temporal.address, ...(temporal.ui === null ? [] : [temporal.ui])],
    provider: [at.provider],
    upstreams,
    logs: at.logs,
    ...(at.taken.length > 0 && { ports: at.taken.map(({ wanted, port }) => `${wanted} was taken: ${port}`) }),
  }
  return `
${heading('Running')}
${Object.entries(running)
  .map(([name, values]) => `  ${name.padEnd(12)}${values.join('   ')}`)
  .join('\n')}

${heading('Get a token')}   (clients: buyer, viewer, admin; the secret is the name and "-secret")
  TOKEN=$(curl -s -u buyer:buyer-secret -d grant_type=client_credentials -d scope=orders:write ${at.provider}/token | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')

${heading('Try')}
  ${curl} ${edge.https}/public/hello                                         # anyone may
  ${curl} -i ${edge.https}/api/usage                                         # 401: who are you?
  ${curl} -X POST -H "Authorization: Bearer $TOKEN" ${edge.https}/orders/42  # 200, and a workflow runs: see Temporal's UI
  ${curl} -H "Authorization: Bearer $TOKEN" ${edge.https}/api/usage          # 200, metered by tenant

Ctrl-C stops everything.
`
}
