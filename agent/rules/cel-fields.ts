/** Fields by type, as expressions may read them. */
export const FIELDS = {
  Request: {
    id: 'string',
    method: 'string',
    host: 'string',
    path: 'string',
    query: 'string',
    headers: 'map<string, string>',
    params: 'map<string, string>',
    time: 'google.protobuf.Timestamp',
  },
  Connection: { source: 'string', tls: 'bool', tlsVersion: 'string', sni: 'string', alpn: 'string' },
  Identity: {
    provider: 'string',
    issuer: 'string',
    subject: 'string',
    tenant: 'string',
    roles: 'list<string>',
    scopes: 'list<string>',
    claims: 'map<string, dyn>',
  },
  Verdict: { block: 'bool', route: 'string', reason: 'string', limit: 'int', tags: 'list<string>' },
} as const

/** What expressions read, and the fields of it. */
export const ROOTS = {
  request: FIELDS.Request,
  connection: FIELDS.Connection,
  identity: FIELDS.Identity,
  verdict: FIELDS.Verdict,
} as const

export type Root = keyof typeof ROOTS

export function isRoot(name: string): name is Root {
  return Object.hasOwn(ROOTS, name)
}
