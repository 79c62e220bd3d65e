import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { Connection, type ConnectionOptions } from '@temporalio/client'
import type { temporal } from '@temporalio/proto'
import type { TemporalOptions } from './protocol.ts'

type Service = temporal.api.workflowservice.v1.WorkflowService
type StartRequest = temporal.api.workflowservice.v1.IStartWorkflowExecutionRequest
type StartResponse = temporal.api.workflowservice.v1.IStartWorkflowExecutionResponse
type SignalRequest = temporal.api.workflowservice.v1.ISignalWithStartWorkflowExecutionRequest
type SignalResponse = temporal.api.workflowservice.v1.ISignalWithStartWorkflowExecutionResponse
type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number]

/** The two calls the dispatcher makes. Both reject with a gRPC ServiceError. */
export interface TemporalCalls {
  start(request: StartRequest): Promise<StartResponse>
  signalWithStart(request: SignalRequest): Promise<SignalResponse>
  close(): Promise<void>
}

/** Milliseconds until an attempt without answer counts as failed. */
export const ATTEMPT_DEADLINE_MS = 5_000

/**
 * Opens a lazy connection: nothing is dialled before the first call, and it reconnects by itself. `ensureConnected` is
 * never called, because it remembers its first failure for ever.
 *
 * @throws when a TLS file cannot be read
 */
export function connect(options: TemporalOptions, deadlineMs = ATTEMPT_DEADLINE_MS): TemporalCalls {
  const tls = tlsOf(options.tls)
  const connection = Connection.lazy({
    address: options.address,
    ...(tls === undefined ? {} : { tls }),
    ...(options.apiKey === undefined ? {} : { apiKey: options.apiKey }),
    // The SDK's own interceptor would retry past the deadline; the shipper does all retrying.
    interceptors: [deadlineInterceptor(deadlineMs)],
    // grpc-js waits up to two minutes between dials by default, an eternity after a server restart.
    channelArgs: { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 2_000 },
  })
  // The SDK adds the temporal-namespace metadata from the request.
  const service: Service = connection.workflowService
  return {
    start: (request) => service.startWorkflowExecution(request),
    signalWithStart: (request) => service.signalWithStartWorkflowExecution(request),
    close: () => connection.close(),
  }
}

/** The identity shown in histories when the configuration names none. */
export function defaultIdentity(): string {
  return `haproxy-temporal@${hostname()}:${process.pid}`
}

/** Cheaper than `withDeadline`, whose AsyncLocalStorage costs a fifth of a call. */
function deadlineInterceptor(deadlineMs: number): Interceptor {
  // Interceptors may hand through the next call as it is; only the declared type asks for the wrapping class.
  return (options, next) => next({ ...options, deadline: Date.now() + deadlineMs }) as ReturnType<Interceptor>
}

/** TLS as the SDK's connections take it, of the client and of the worker alike; the files are read now. */
export function tlsOf(tls: TemporalOptions['tls']): ConnectionOptions['tls'] {
  if (typeof tls !== 'object') return tls
  const { caFile, certFile, keyFile, serverName } = tls
  return {
    ...(caFile === undefined ? {} : { serverRootCACertificate: readFileSync(caFile) }),
    ...(certFile === undefined || keyFile === undefined
      ? {}
      : { clientCertPair: { crt: readFileSync(certFile), key: readFileSync(keyFile) } }),
    ...(serverName === undefined ? {} : { serverNameOverride: serverName }),
  }
}
