import { Fields } from './fields.ts'
import { type Fact, NEVER_RECORDED, OTHER, type RecordedRequest } from './recorded.ts'

/** Hexadecimal seconds in front, as `unique-id-format` of the shipped haproxy.cfg has it. */
const ID = /^([0-9A-F]{8})-/

/**
 * A line of the log-format of the shipped haproxy.cfg.
 * @returns OTHER for a request that the agent was not asked about; undefined when it is no such line
 */
export function readHaproxyLine(value: unknown): RecordedRequest | typeof OTHER | undefined {
  const fields = new Fields(value)
  const method = fields.text('method')
  const path = fields.text('path')
  if (fields.at('redirect') === true && method !== undefined) return OTHER
  const decision = fields.text('decision')
  if (method === undefined || path === undefined || decision === undefined) return undefined
  // "-" and nothing are what HAProxy writes for a variable that is not set: the agent was silent.
  if (decision !== 'allow' && decision !== 'deny') return OTHER
  const id = fields.text('request')
  const seconds = ID.exec(id ?? '')?.[1]
  const subject = set(fields.text('subject'))
  const unknown = new Set<Fact>([...NEVER_RECORDED, 'request.host'])
  if (seconds === undefined) unknown.add('request.time')
  if (subject === undefined) unknown.add('identity')
  else {
    const missing: Fact[] = [
      'identity.provider',
      'identity.issuer',
      'identity.tenant',
      'identity.roles',
      'identity.scopes',
    ]
    for (const fact of missing) unknown.add(fact)
  }
  const status = fields.number('status') ?? 0
  return {
    format: 'log of HAProxy',
    request: {
      id,
      method,
      host: '',
      // Its JSON is UTF-8, and the agent sees bytes.
      path: Buffer.from(path, 'utf8').toString('latin1'),
      query: '',
      source: fields.text('client') ?? '',
      // The frontend that asks is the one with TLS.
      tls: true,
      tlsVersion: '',
      sni: '',
      alpn: '',
      headers: [],
      at: seconds === undefined ? undefined : Number.parseInt(seconds, 16) * 1000,
    },
    outcome: {
      decision,
      status: decision === 'allow' ? 200 : status,
      reason: set(fields.text('reason')) ?? '',
      rule: set(fields.text('rule')),
      route: undefined,
    },
    caller:
      subject === undefined
        ? undefined
        : { provider: undefined, issuer: '', subject, tenant: '', roles: [], scopes: [] },
    unknown,
  }
}

function set(text: string | undefined): string | undefined {
  return text === undefined || text === '' || text === '-' ? undefined : text
}
