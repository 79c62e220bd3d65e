import { createRequire } from 'node:module'
import type * as Grpc from '@grpc/grpc-js'
import proto from '@temporalio/proto'
import { onTestFinished } from 'vitest'

// The SDK's own copy: a transitive dependency need not be hoisted.
const grpc = createRequire(createRequire(import.meta.url).resolve('@temporalio/client'))('@grpc/grpc-js') as typeof Grpc

const api = proto.temporal.api.workflowservice.v1

/** By the names of `TemporalCalls`. */
export type StubMethod = 'start' | 'signalWithStart' | 'signal' | 'cancel' | 'terminate'

/** One call as the stub saw it. */
export interface StubCall {
  readonly method: StubMethod
  readonly requestId: string
  readonly workflowId: string
  readonly namespace: unknown
  readonly authorization: unknown
  /** Of all kinds of signals. */
  readonly signalInput: string | undefined
}

/** `hang`: no answer. A number: that gRPC status. An object: an answer with this `started`. */
export type StubAnswer =
  | 'hang'
  | { readonly started: boolean }
  | { readonly code: number; readonly details?: string; readonly cause?: number; readonly scope?: number }

export interface Stub {
  readonly port: number
  readonly address: string
  readonly calls: StubCall[]
  /** How many calls are unanswered now, and how many were at most. */
  readonly flight: { now: number; most: number }
  /** Ends the server at once. */
  stop(): void
}

/** A WorkflowService that answers as told and remembers every attempt. It ends with the test. */
export async function stubService(
  answer: (call: StubCall, attempt: number) => StubAnswer | Promise<StubAnswer>,
  port = 0,
  tls?: { readonly ca: string; readonly cert: string; readonly key: string },
): Promise<Stub> {
  const calls: StubCall[] = []
  const flight = { now: 0, most: 0 }
  const server = new grpc.Server()
  const handler =
    (method: StubMethod) =>
    (rpc: Grpc.ServerUnaryCall<AnyRequest, object>, reply: Grpc.sendUnaryData<object>): void => {
      const { request } = rpc
      const data = (method === 'signal' ? request.input : request.signalInput)?.payloads?.[0]?.data
      const call: StubCall = {
        method,
        requestId: request.requestId ?? '',
        workflowId: request.workflowId || (request.workflowExecution?.workflowId ?? ''),
        namespace: rpc.metadata.get('temporal-namespace')[0],
        authorization: rpc.metadata.get('authorization')[0],
        signalInput: data == null ? undefined : Buffer.from(data).toString(),
      }
      calls.push(call)
      flight.most = Math.max(flight.most, ++flight.now)
      const attempt = calls.filter((c) => c.requestId === call.requestId).length
      void Promise.resolve(answer(call, attempt)).then((given) => {
        if (given === 'hang') return
        flight.now--
        if ('code' in given)
          reply({
            code: given.code,
            details: given.details ?? 'stub',
            metadata: details(given.code, given.cause, given.scope),
          })
        else reply(null, { runId: 'run', started: given.started })
      })
    }
  server.addService(SERVICE, {
    start: handler('start'),
    signalWithStart: handler('signalWithStart'),
    signal: handler('signal'),
    cancel: handler('cancel'),
    terminate: handler('terminate'),
  })
  const pair = tls && [{ cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) }]
  // With TLS the client must show a certificate as well.
  const credentials = pair
    ? grpc.ServerCredentials.createSsl(Buffer.from(tls.ca), pair, true)
    : grpc.ServerCredentials.createInsecure()
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, p) => (error ? reject(error) : resolve(p)))
  })
  const stop = (): void => server.forceShutdown()
  onTestFinished(stop)
  return { port: bound, address: `127.0.0.1:${bound}`, calls, flight, stop }
}

type AnyRequest = proto.temporal.api.workflowservice.v1.ISignalWithStartWorkflowExecutionRequest &
  proto.temporal.api.workflowservice.v1.IRequestCancelWorkflowExecutionRequest

const SERVICE: Grpc.ServiceDefinition = {
  start: unary('StartWorkflowExecution', api.StartWorkflowExecutionRequest, api.StartWorkflowExecutionResponse),
  signalWithStart: unary(
    'SignalWithStartWorkflowExecution',
    api.SignalWithStartWorkflowExecutionRequest,
    api.SignalWithStartWorkflowExecutionResponse,
  ),
  signal: unary('SignalWorkflowExecution', api.SignalWorkflowExecutionRequest, api.SignalWorkflowExecutionResponse),
  cancel: unary(
    'RequestCancelWorkflowExecution',
    api.RequestCancelWorkflowExecutionRequest,
    api.RequestCancelWorkflowExecutionResponse,
  ),
  terminate: unary(
    'TerminateWorkflowExecution',
    api.TerminateWorkflowExecutionRequest,
    api.TerminateWorkflowExecutionResponse,
  ),
}

interface Codec {
  encode(message: object): { finish(): Uint8Array }
  decode(bytes: Uint8Array): object
}

function unary(name: string, request: Codec, response: Codec): Grpc.MethodDefinition<object, object> {
  return {
    path: `/temporal.api.workflowservice.v1.WorkflowService/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: (message) => Buffer.from(request.encode(message).finish()),
    requestDeserialize: (bytes) => request.decode(bytes),
    responseSerialize: (message) => Buffer.from(response.encode(message).finish()),
    responseDeserialize: (bytes) => response.decode(bytes),
  }
}

/** Metadata with the details of RESOURCE_EXHAUSTED, as the server sends them. */
export function details(code: number, cause: number | undefined, scope?: number): Grpc.Metadata {
  if (cause === undefined) return new grpc.Metadata()
  const failure = { cause, ...(scope !== undefined && { scope }) }
  const value = proto.temporal.api.errordetails.v1.ResourceExhaustedFailure.encode(failure).finish()
  return metadataOf(code, 'ResourceExhaustedFailure', value)
}

/** Metadata with a detail of that type, as the server sends it. */
export function metadataOf(code: number, type: string, value: Uint8Array): Grpc.Metadata {
  const metadata = new grpc.Metadata()
  const type_url = `type.googleapis.com/temporal.api.errordetails.v1.${type}`
  const status = proto.google.rpc.Status.encode({ code, message: 'stub', details: [{ type_url, value }] }).finish()
  metadata.set('grpc-status-details-bin', Buffer.from(status))
  return metadata
}
