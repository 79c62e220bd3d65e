import proto from '@temporalio/proto'
import type { temporal } from '@temporalio/proto'

type Api = typeof temporal.api.workflowservice.v1
type StartRequest = temporal.api.workflowservice.v1.IStartWorkflowExecutionRequest
type StartResponse = temporal.api.workflowservice.v1.IStartWorkflowExecutionResponse
type SignalWithStartRequest = temporal.api.workflowservice.v1.ISignalWithStartWorkflowExecutionRequest
type SignalWithStartResponse = temporal.api.workflowservice.v1.ISignalWithStartWorkflowExecutionResponse
type SignalRequest = temporal.api.workflowservice.v1.ISignalWorkflowExecutionRequest
type SignalResponse = temporal.api.workflowservice.v1.ISignalWorkflowExecutionResponse
type CancelRequest = temporal.api.workflowservice.v1.IRequestCancelWorkflowExecutionRequest
type CancelResponse = temporal.api.workflowservice.v1.IRequestCancelWorkflowExecutionResponse
type TerminateRequest = temporal.api.workflowservice.v1.ITerminateWorkflowExecutionRequest
type TerminateResponse = temporal.api.workflowservice.v1.ITerminateWorkflowExecutionResponse
type DescribeRequest = temporal.api.workflowservice.v1.IDescribeWorkflowExecutionRequest
type DescribeResponse = temporal.api.workflowservice.v1.IDescribeWorkflowExecutionResponse

/**
 * The calls that the dispatcher makes: one attempt each, over by its deadline. All reject with an error that has the gRPC
 * `code`, but for a request that cannot be encoded, whose error has none.
 */
export interface TemporalCalls {
  start(request: StartRequest): Promise<StartResponse>
  signalWithStart(request: SignalWithStartRequest): Promise<SignalWithStartResponse>
  signal(request: SignalRequest): Promise<SignalResponse>
  cancel(request: CancelRequest): Promise<CancelResponse>
  terminate(request: TerminateRequest): Promise<TerminateResponse>
  describe(request: DescribeRequest): Promise<DescribeResponse>
  /** Ends the connection under the calls: those in flight are given up with CANCELLED, and so are all later ones. */
  close(): Promise<void>
}

/** One method of Temporal's frontend. */
export interface Method<Q, A> {
  readonly path: string
  readonly encode: (request: Q) => Buffer
  readonly decode: (bytes: Buffer) => A
}

const api: Api = proto.temporal.api.workflowservice.v1

export const METHODS = {
  start: method('StartWorkflowExecution', api.StartWorkflowExecutionRequest, api.StartWorkflowExecutionResponse),
  signalWithStart: method(
    'SignalWithStartWorkflowExecution',
    api.SignalWithStartWorkflowExecutionRequest,
    api.SignalWithStartWorkflowExecutionResponse,
  ),
  signal: method('SignalWorkflowExecution', api.SignalWorkflowExecutionRequest, api.SignalWorkflowExecutionResponse),
  cancel: method(
    'RequestCancelWorkflowExecution',
    api.RequestCancelWorkflowExecutionRequest,
    api.RequestCancelWorkflowExecutionResponse,
  ),
  terminate: method(
    'TerminateWorkflowExecution',
    api.TerminateWorkflowExecutionRequest,
    api.TerminateWorkflowExecutionResponse,
  ),
  describe: method(
    'DescribeWorkflowExecution',
    api.DescribeWorkflowExecutionRequest,
    api.DescribeWorkflowExecutionResponse,
  ),
  describeNamespace: method('DescribeNamespace', api.DescribeNamespaceRequest, api.DescribeNamespaceResponse),
} as const

interface Encoder<Q> {
  encode(message: Q): { finish(): Uint8Array }
}

interface Decoder<A> {
  decode(bytes: Uint8Array): A
}

function method<Q, A>(name: string, request: Encoder<Q>, response: Decoder<A>): Method<Q, A> {
  return {
    path: `/temporal.api.workflowservice.v1.WorkflowService/${name}`,
    // On Node the writer of protobufjs makes Buffers; its declared type does not say so.
    encode: (message) => request.encode(message).finish() as Buffer,
    decode: (bytes) => response.decode(bytes),
  }
}
