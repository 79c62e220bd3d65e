import { styleText } from 'node:util'
import type { Stack } from './stack.ts'

/** What `dev` prints when everything runs: where it listens, how to get a token, what to type. */
export function welcome(stack: Stack, ca: string): string {
  const edge = `https://localhost:${stack.edge.https}`
  const curl = `curl --cacert ${ca}`
  const heading = (text: string): string => styleText('bold', text)
  return `
${heading('Running')}
  edge        ${edge}
  agent       ${stack.adminUrl}/metrics   /readyz   /status
  Temporal    ${stack.temporal?.ui ?? stack.temporalAddress}
  provider    ${stack.identity.issuer}
  logs        ${stack.haproxy.logFile}   ${stack.agent.logFile}   ${stack.worker?.logFile ?? ''}

${heading('Get a token')}   (clients: buyer, viewer, admin; the secret is the name and "-secret")
  TOKEN=$(curl -s -u buyer:buyer-secret -d grant_type=client_credentials -d scope=orders:write ${stack.identity.issuer}/token | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')

${heading('Try')}
  ${curl} ${edge}/public/hello                                         # anyone may
  ${curl} -i ${edge}/api/usage                                         # 401: who are you?
  ${curl} -X POST -H "Authorization: Bearer $TOKEN" ${edge}/orders/42  # 200, and a workflow runs: see Temporal's UI
  ${curl} -H "Authorization: Bearer $TOKEN" ${edge}/api/usage          # 200, metered by tenant

Ctrl-C stops everything.
`
}
