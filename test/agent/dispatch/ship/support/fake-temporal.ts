import type { Rpc } from '../../../../../agent/dispatch/classify.ts'
import type { Connections } from '../../../../../agent/dispatch/temporal/connections.ts'
import type { TemporalCalls } from '../../../../../agent/dispatch/temporal/calls.ts'
import { details } from '../../support/stub-service.ts'

export interface FakeCall {
  readonly rpc: Rpc
  readonly namespace: string
  readonly workflowId: string
  readonly requestId: string
  readonly request: {
    readonly [field: string]: unknown
    readonly signalInput?: { payloads?: { data?: Uint8Array }[] }
  }
}

/** `hang`: no answer, ever. A number or an object with a code: that gRPC status. Otherwise the answer. */
export type FakeAnswer =
  | 'hang'
  | { readonly started?: boolean }
  | { readonly code: number; readonly details?: string; readonly cause?: number; readonly scope?: number }

export interface FakeTemporal extends Pick<Connections, 'of' | 'close'> {
  /** Workflows whose histories were looked at. */
  readonly looks: string[]
  /** Bytes of histories that are not short. */
  readonly histories: Map<string, number>
  /** First runs of workflows, where it matters; a number: looks at it fail with that gRPC status. */
  readonly firstRuns: Map<string, string | number>
  readonly calls: FakeCall[]
  /** Calls that wait for an answer: now, and at most. */
  readonly flight: { now: number; most: number }
  closed: boolean
}

/** Temporal in memory: answers as told, a moment later, and remembers every attempt. */
export function fakeTemporal(
  answer: (call: FakeCall, attempt: number) => FakeAnswer | Promise<FakeAnswer>,
): FakeTemporal {
  const attempts = new Map<string, number>()
  const call = async (rpc: Rpc, raw: object): Promise<object> => {
    const request = raw as FakeCall['request'] & {
      namespace: string
      requestId?: string
      workflowId?: string
      workflowExecution?: { workflowId: string }
    }
    const workflowId = request.workflowId ?? request.workflowExecution?.workflowId ?? ''
    const requestId = request.requestId ?? workflowId
    const seen: FakeCall = { rpc, namespace: request.namespace, workflowId, requestId, request }
    fake.calls.push(seen)
    fake.flight.most = Math.max(fake.flight.most, ++fake.flight.now)
    const attempt = (attempts.get(requestId) ?? 0) + 1
    attempts.set(requestId, attempt)
    await new Promise((resolve) => setImmediate(resolve))
    const given = await answer(seen, attempt)
    if (given === 'hang') return new Promise(() => undefined)
    fake.flight.now--
    if ('code' in given) throw failure(given.code, given.details, given.cause, given.scope)
    return given
  }
  const calls: TemporalCalls = {
    start: (request) => call('start', request),
    signalWithStart: (request) => call('signalWithStart', request),
    signal: (request) => call('signal', request) as never,
    cancel: (request) => call('cancel', request) as never,
    terminate: (request) => call('terminate', request) as never,
    describe({ execution }) {
      const workflowId = execution?.workflowId ?? ''
      fake.looks.push(workflowId)
      const firstRunId = fake.firstRuns.get(workflowId) ?? `first run of ${workflowId}`
      if (typeof firstRunId === 'number') return Promise.reject(failure(firstRunId, 'workflow not found'))
      const historySizeBytes = fake.histories.get(workflowId) ?? 0
      return Promise.resolve({ workflowExecutionInfo: { historySizeBytes, firstRunId } } as never)
    },
    close: () => Promise.resolve(),
  }
  const fake: FakeTemporal = {
    calls: [],
    looks: [],
    histories: new Map(),
    firstRuns: new Map(),
    flight: { now: 0, most: 0 },
    closed: false,
    of: () => calls,
    close() {
      fake.closed = true
      return Promise.resolve()
    },
  }
  return fake
}

/** An error as gRPC makes it. */
export function failure(code: number, text = 'text', cause?: number, scope?: number): Error {
  return Object.assign(new Error(`${code} ${text}`), {
    code,
    details: text,
    metadata: details(code, cause, scope),
  })
}

/** The JSON of a batch, or of whatever a call signals. */
export function signalled<T>({ request }: FakeCall): T {
  return JSON.parse(Buffer.from(request.signalInput?.payloads?.[0]?.data ?? []).toString()) as T
}
