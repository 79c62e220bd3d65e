import type { Principal } from './fake-sts.ts'
import { escaped, signQuery } from './sigv4.ts'

export const HOST = 'sts.eu-west-1.amazonaws.com'
export const AUDIENCE = 'orders-api'
export const AUDIENCE_HEADER = 'x-haproxy-temporal-audience'

/** A role session whose holder calls it what he likes. */
export const DEPLOYER: Principal = {
  accessKeyId: 'ASIADEPLOYEREXAMPLE1',
  secretAccessKey: 'secret-canary-wJalrXUtnFEMI',
  sessionToken: 'session-canary/IQoJb3JpZ2luX2VjEXAMPLE+token==',
  account: '111122223333',
  arn: 'arn:aws:sts::111122223333:assumed-role/deploy-orders/ci-run-7',
  userId: 'AROAEXAMPLEDEPLOYER1:ci-run-7',
}

/** A user with a path. */
export const ALICE: Principal = {
  accessKeyId: 'AKIAALICEEXAMPLE0001',
  secretAccessKey: 'secret-canary-of-alice',
  account: '111122223333',
  arn: 'arn:aws:iam::111122223333:user/division/alice',
  userId: 'AIDAEXAMPLEALICE0001',
}

export interface PresignOptions {
  readonly now: number
  readonly host?: string
  readonly region?: string
  readonly method?: string
  /** Beside `host`. */
  readonly headers?: Readonly<Record<string, string>>
  readonly expires?: string
  /** Parameters in front of those of the signature. */
  readonly parameters?: readonly (readonly [string, string])[]
  /** Signs with another secret. */
  readonly secretAccessKey?: string
}

/** What an SDK's presigner makes of GetCallerIdentity: the URL, signature included. */
export function presign(principal: Principal, options: PresignOptions): string {
  const { host = HOST, region = 'eu-west-1', method = 'GET', headers = { [AUDIENCE_HEADER]: AUDIENCE } } = options
  const date = amzDate(options.now)
  const scope = `${date.slice(0, 8)}/${region}/sts/aws4_request`
  const signedHeaders = ['host', ...Object.keys(headers)].toSorted()
  const { sessionToken } = principal
  const action: readonly (readonly [string, string])[] = [
    ['Action', 'GetCallerIdentity'],
    ['Version', '2011-06-15'],
  ]
  const parameters = [
    ...(options.parameters ?? action),
    ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'],
    ['X-Amz-Credential', `${principal.accessKeyId}/${scope}`],
    ['X-Amz-Date', date],
    ['X-Amz-Expires', options.expires ?? '60'],
    ...(sessionToken === undefined ? [] : [['X-Amz-Security-Token', sessionToken]]),
    ['X-Amz-SignedHeaders', signedHeaders.join(';')],
  ]
  const query = parameters.map(([name = '', value = '']) => `${escaped(name)}=${escaped(value)}`).join('&')
  const { signature } = signQuery({
    method,
    path: '/',
    query,
    headers: [['host', host], ...Object.entries(headers)],
    signedHeaders,
    date,
    scope,
    secretAccessKey: options.secretAccessKey ?? principal.secretAccessKey,
  })
  return `https://${host}/?${query}&X-Amz-Signature=${signature}`
}

/** The credential that carries a URL. */
export function credentialOf(url: string, prefix = 'aws-gci-v1.'): string {
  return prefix + Buffer.from(url, 'latin1').toString('base64url')
}

function amzDate(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`
}
