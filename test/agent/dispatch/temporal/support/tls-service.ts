import {
  createSecureServer,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import proto from '@temporalio/proto'
import { onTestFinished } from 'vitest'

const api = proto.temporal.api.workflowservice.v1

const METHODS = {
  StartWorkflowExecution: api.StartWorkflowExecutionRequest,
  SignalWithStartWorkflowExecution: api.SignalWithStartWorkflowExecutionRequest,
  SignalWorkflowExecution: api.SignalWorkflowExecutionRequest,
  RequestCancelWorkflowExecution: api.RequestCancelWorkflowExecutionRequest,
  TerminateWorkflowExecution: api.TerminateWorkflowExecutionRequest,
  DescribeNamespace: api.DescribeNamespaceRequest,
} as const

/** One call as the server saw it. */
export interface SeenCall {
  readonly method: keyof typeof METHODS
  readonly request: { readonly namespace?: string | null; readonly requestId?: string | null }
  /** Of the metadata. */
  readonly namespace: unknown
  readonly authorization: unknown
  /** Subject of the client's certificate; undefined without one. */
  readonly client: string | undefined
}

/** `hang`: no answer. A code: that gRPC status. */
export type Answer = 'ok' | 'hang' | { readonly code: number; readonly details: string }

/** What a server shows, and whose clients it takes; PEM. */
export interface ServerTls {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

export interface TlsService {
  readonly address: string
  readonly calls: readonly SeenCall[]
  /** Calls of events: all but those of probes. */
  events(): readonly SeenCall[]
  /** Connections that are open. */
  readonly sessions: ReadonlySet<ServerHttp2Session>
  /** From the next handshake on; those that are done stay as they are. */
  use(tls: ServerTls): void
  /** Ends all connections at once. */
  cut(): void
}

/**
 * A WorkflowService whose certificates can change while it runs, and which sees those of its clients. HTTP/2 by hand,
 * because gRPC's own server can do neither. It ends with the test.
 */
export async function tlsService(
  tls: ServerTls | undefined,
  answer: (call: SeenCall) => Answer | Promise<Answer> = () => 'ok',
): Promise<TlsService> {
  const calls: SeenCall[] = []
  const sessions = new Set<ServerHttp2Session>()
  const secure =
    tls === undefined ? undefined : createSecureServer({ ...tls, requestCert: true, rejectUnauthorized: true })
  const server: Http2Server = (secure as Http2Server | undefined) ?? createServer()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    session.on('error', () => undefined)
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined)
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      const method = String(headers[':path']).split('/').at(-1) as SeenCall['method']
      const call: SeenCall = {
        method,
        request: METHODS[method].decode(Buffer.concat(chunks).subarray(5)),
        namespace: headers['temporal-namespace'],
        authorization: headers['authorization'],
        client: (stream.session?.socket as TLSSocket | undefined)?.getPeerX509Certificate?.()?.subject,
      }
      calls.push(call)
      void Promise.resolve(answer(call)).then((given) => reply(stream, given))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = (): void => sessions.forEach((session) => session.destroy())
  onTestFinished(() => {
    cut()
    server.close()
  })
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    events: () => calls.filter(({ method }) => method !== 'DescribeNamespace'),
    sessions,
    use: (next) => secure?.setSecureContext(next),
    cut,
  }
}

function reply(stream: ServerHttp2Stream, answer: Answer): void {
  if (answer === 'hang' || stream.destroyed) return
  const type = { ':status': 200, 'content-type': 'application/grpc+proto' }
  if (answer !== 'ok') {
    stream.respond({ ...type, 'grpc-status': answer.code, 'grpc-message': answer.details }, { endStream: true })
    return
  }
  stream.respond(type, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  // An empty message is an answer of any type.
  stream.end(Buffer.from([0, 0, 0, 0, 0]))
}
