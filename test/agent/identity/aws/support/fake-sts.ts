import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clientCertificate } from '../../../../support/client-certificates.ts'
import { startHttpsServer } from '../../support/https-server.ts'
import { type HeaderPairs, signQuery } from './sigv4.ts'

/** An access key, as AWS knows it. */
export interface Principal {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  readonly account: string
  readonly arn: string
  readonly userId: string
}

export interface SeenRequest {
  readonly target: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Name in the TLS handshake. */
  readonly servername: string | false | null
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** AWS STS on loopback: recomputes signatures with the secrets it knows, and answers as the real one does, or as told. */
export interface FakeSts {
  /** For `endpoints` of agent.yaml. */
  readonly origin: string
  readonly caFile: string
  readonly requests: SeenRequest[]
  /** Access keys, by id. */
  readonly principals: Map<string, Principal>
  /** Access keys whose session has ended. */
  readonly ended: Set<string>
  /** Answers in this way, until called without. */
  answerWith(answer?: Answer): void
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts on a free port with a certificate for these names. */
export async function startFakeSts(hosts: readonly string[], now: () => number): Promise<FakeSts> {
  const { cert, key } = await clientCertificate({ names: hosts.map((name) => ['dns', name] as const) })
  const directory = await mkdtemp(join(tmpdir(), 'sts-'))
  const caFile = join(directory, 'ca.pem')
  await writeFile(caFile, cert)
  const [requests, principals, ended] = [[] as SeenRequest[], new Map<string, Principal>(), new Set<string>()]
  let override: Answer | undefined
  const server = await startHttpsServer(cert + key, (request, response) => {
    const { servername } = request.socket as TLSSocket & { servername?: string | false }
    requests.push({ target: request.url ?? '', headers: request.headers, servername: servername ?? null })
    if (override !== undefined) return override(request, response)
    const word = judge(request, principals, ended, now())
    if ('code' in word) return refuse(word.code, word.message)(request, response)
    caller(word)(request, response)
  })
  return {
    origin: `https://127.0.0.1:${server.url.port}`,
    caFile,
    requests,
    principals,
    ended,
    answerWith(answer) {
      override = answer
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await rm(directory, { recursive: true })
    },
  }
}

/** What the real one checks: key, session, signature over all signed headers as they came, age. */
function judge(
  request: IncomingMessage,
  principals: ReadonlyMap<string, Principal>,
  ended: ReadonlySet<string>,
  now: number,
): Principal | { code: string; message: string } {
  const [path = '', query = ''] = (request.url ?? '').split('?')
  const parameters = new URLSearchParams(query)
  const parameter = (name: string): string => parameters.get(name) ?? ''
  const [id = '', ...scope] = parameter('X-Amz-Credential').split('/')
  const principal = principals.get(id)
  if (principal === undefined || (principal.sessionToken ?? null) !== parameters.get('X-Amz-Security-Token')) {
    return { code: 'InvalidClientTokenId', message: 'The security token included in the request is invalid.' }
  }
  if (ended.has(id)) return { code: 'ExpiredToken', message: 'The security token included in the request is expired' }
  if (parameter('Action') !== 'GetCallerIdentity') return { code: 'InvalidAction', message: 'No such action' }
  const date = parameter('X-Amz-Date')
  const age = now - Date.parse(date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (age > 900_000) {
    return { code: 'SignatureDoesNotMatch', message: `Signature expired: ${date} is now earlier than 15 min ago` }
  }
  const { signature } = signQuery({
    method: request.method ?? '',
    path,
    query: query
      .split('&')
      .filter((part) => !part.startsWith('X-Amz-Signature='))
      .join('&'),
    headers: pairsOf(request.rawHeaders),
    signedHeaders: parameter('X-Amz-SignedHeaders').split(';'),
    date,
    scope: scope.join('/'),
    secretAccessKey: principal.secretAccessKey,
  })
  if (signature === parameter('X-Amz-Signature')) return principal
  const message = `The request signature we calculated does not match the signature you provided. ${request.url ?? ''}`
  return { code: 'SignatureDoesNotMatch', message }
}

function pairsOf(raw: readonly string[]): HeaderPairs {
  return raw.flatMap((name, i) => (i % 2 === 0 ? [[name, raw[i + 1] ?? ''] as const] : []))
}

/** GetCallerIdentity of a principal, as JSON where JSON is asked for. */
export function caller({ account, arn, userId }: Pick<Principal, 'account' | 'arn' | 'userId'>): Answer {
  return (request, response) => {
    if (request.headers.accept !== 'application/json') return xmlCaller({ account, arn, userId })(request, response)
    const result = { Account: account, Arn: arn, UserId: userId }
    const body = {
      GetCallerIdentityResponse: { GetCallerIdentityResult: result, ResponseMetadata: { RequestId: 'r' } },
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
}

/** The same as XML, whatever was asked for. */
export function xmlCaller({ account, arn, userId }: Pick<Principal, 'account' | 'arn' | 'userId'>): Answer {
  const result = `<Arn>${arn}</Arn><UserId>${userId}</UserId><Account>${account}</Account>`
  const body = `<GetCallerIdentityResponse><GetCallerIdentityResult>${result}</GetCallerIdentityResult></GetCallerIdentityResponse>`
  return (_request, response) => void response.writeHead(200, { 'content-type': 'text/xml' }).end(body)
}

/** An error of the service. */
export function refuse(code: string, message: string, status = 403): Answer {
  return (_request, response) => {
    const body = { Error: { Code: code, Message: message, Type: 'Sender' }, RequestId: 'r' }
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
}

/** The same as XML. */
export function xmlRefuse(code: string, message: string, status = 403): Answer {
  const body = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`
  return (_request, response) => void response.writeHead(status, { 'content-type': 'text/xml' }).end(body)
}
