import proto from '@temporalio/proto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { classifyError, classifyResponse, STATUS } from '../../../agent/dispatch/classify.ts'
import { details, metadataOf } from './support/stub-service.ts'

const failure = (code: number, text = 'text', cause?: number, scope?: number) =>
  Object.assign(new Error(`${code} ${text}`), { code, details: text, metadata: details(code, cause, scope) })

test('a start that found its workflow there was a duplicate, a signal never is', () => {
  expect(classifyResponse('start', { started: true })).toEqual({ kind: 'delivered' })
  expect(classifyResponse('start', { started: false })).toEqual({ kind: 'deduplicated' })
  for (const rpc of ['signalWithStart', 'signal', 'cancel', 'terminate'] as const)
    expect(classifyResponse(rpc, { started: false })).toEqual({ kind: 'delivered' })
})

test.each([
  ['ALREADY_EXISTS', { kind: 'deduplicated' }],
  ['INVALID_ARGUMENT', { kind: 'dead-letter', reason: 'INVALID_ARGUMENT: text' }],
  ['NOT_FOUND', { kind: 'park', scope: 'namespace' }],
  ['PERMISSION_DENIED', { kind: 'park', scope: 'namespace' }],
  ['UNAUTHENTICATED', { kind: 'park', scope: 'namespace' }],
  ['UNIMPLEMENTED', { kind: 'park', scope: 'namespace' }],
  ['FAILED_PRECONDITION', { kind: 'park', scope: 'call' }],
  ['UNAVAILABLE', { kind: 'retry', scope: 'namespace', cause: 'unavailable' }],
  ['DEADLINE_EXCEEDED', { kind: 'retry', scope: 'call', cause: 'timeout' }],
  ['CANCELLED', { kind: 'retry', scope: 'call', cause: 'timeout' }],
  ['UNKNOWN', { kind: 'retry', scope: 'call', cause: 'failed' }],
  ['ABORTED', { kind: 'retry', scope: 'call', cause: 'failed' }],
  ['DATA_LOSS', { kind: 'retry', scope: 'call', cause: 'failed' }],
  ['INTERNAL', { kind: 'retry', scope: 'call', cause: 'failed' }],
  ['OUT_OF_RANGE', { kind: 'retry', scope: 'call', cause: 'failed' }],
] as const)('%s is classified by the table', (name, verdict) => {
  expect(classifyError(failure(STATUS[name]), 'start')).toMatchObject(verdict)
})

test.each(['Workflow history size exceeds limit.', 'exceeded workflow execution limit for signal events'])(
  'a run that is full (%s) makes its key wait, and costs no event its life',
  (text) => {
    expect(classifyError(failure(STATUS.INVALID_ARGUMENT, text), 'signalWithStart')).toMatchObject({
      kind: 'retry',
      scope: 'key',
      cause: 'busy',
    })
  },
)

describe('what was not found', () => {
  const NOT_FOUND = failure(5, 'workflow not found for ID: w')

  test('is the namespace, where no workflow need exist', () => {
    for (const rpc of ['start', 'signalWithStart'] as const)
      expect(classifyError(NOT_FOUND, rpc)).toMatchObject({ kind: 'park', scope: 'namespace' })
  })

  test('is the workflow otherwise: nobody to signal, and nothing left to end', () => {
    expect(classifyError(NOT_FOUND, 'signal')).toEqual({
      kind: 'no-workflow',
      reason: 'NOT_FOUND: workflow not found for ID: w',
    })
    for (const rpc of ['cancel', 'terminate'] as const)
      expect(classifyError(NOT_FOUND, rpc)).toEqual({ kind: 'delivered' })
  })

  test('is the namespace if the server says so, in its details or in its words', () => {
    const value = proto.temporal.api.errordetails.v1.NamespaceNotFoundFailure.encode({ namespace: 'edge' }).finish()
    const detailed = Object.assign(failure(5), { metadata: metadataOf(5, 'NamespaceNotFoundFailure', value) })
    for (const rpc of ['signal', 'cancel', 'terminate'] as const) {
      expect(classifyError(detailed, rpc)).toMatchObject({ kind: 'park', scope: 'namespace' })
      expect(classifyError(failure(5, 'Namespace edge is not found.'), rpc)).toMatchObject({ kind: 'park' })
    }
  })
})

describe('RESOURCE_EXHAUSTED', () => {
  const NAMESPACE = 1
  const SYSTEM = 2

  test.each([
    ['BUSY_WORKFLOW', 5, undefined, { scope: 'key', cause: 'busy' }],
    ['CONCURRENT_LIMIT', 2, NAMESPACE, { scope: 'namespace', cause: 'crowded' }],
    ['RPS_LIMIT', 1, NAMESPACE, { scope: 'namespace', cause: 'slower' }],
    ['RPS_LIMIT of the host', 1, SYSTEM, { scope: 'namespace', cause: 'slower' }],
    ['APS_LIMIT', 6, undefined, { scope: 'namespace', cause: 'slower' }],
    ['OPS_LIMIT', 9, undefined, { scope: 'namespace', cause: 'slower' }],
    ['SYSTEM_OVERLOADED', 3, SYSTEM, { scope: 'server', cause: 'overloaded' }],
    ['PERSISTENCE_LIMIT', 4, SYSTEM, { scope: 'server', cause: 'overloaded' }],
    ['PERSISTENCE_LIMIT of a namespace', 4, NAMESPACE, { scope: 'namespace', cause: 'slower' }],
    ['CIRCUIT_BREAKER_OPEN', 8, undefined, { scope: 'server', cause: 'overloaded' }],
    ['PERSISTENCE_STORAGE_LIMIT', 7, undefined, { scope: 'namespace', cause: 'overloaded' }],
    ['WORKER_DEPLOYMENT_LIMITS', 10, SYSTEM, { scope: 'server', cause: 'overloaded' }],
    ['no cause', 0, undefined, { scope: 'namespace', cause: 'overloaded' }],
    ['a cause of the future', 99, undefined, { scope: 'namespace', cause: 'overloaded' }],
    ['no details', undefined, undefined, { scope: 'namespace', cause: 'overloaded' }],
  ] as const)('%s', (_, cause, scope, verdict) => {
    expect(classifyError(failure(8, 'text', cause, scope), 'start')).toMatchObject({ kind: 'retry', ...verdict })
  })

  test.each([
    'grpc: received message larger than max (5000000 vs. 4194304)',
    'Attempted to send message with a size larger than 4194304',
  ])('a message over the size limit of gRPC is a dead letter although its status says throttled: %s', (text) => {
    expect(classifyError(failure(8, text), 'start')).toMatchObject({ kind: 'dead-letter' })
  })
})

test('what is no answer of gRPC can never be sent', () => {
  expect(classifyError(new TypeError('no such field'), 'start')).toEqual({
    kind: 'dead-letter',
    reason: 'unsendable: no such field',
    unsent: true,
  })
})

test('anything thrown gets a verdict, and bytes that are no details count as none', () => {
  const rpc = fc.constantFrom('start', 'signalWithStart', 'signal', 'cancel', 'terminate')
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true }), rpc, (thrown, called) => {
      expect(classifyError(thrown, called).kind).toBeTypeOf('string')
    }),
  )
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const error = { code: 8, details: 'text', metadata: { get: () => [bytes] } }
      expect(classifyError(error, 'start')).toMatchObject({ kind: 'retry' })
    }),
  )
})
