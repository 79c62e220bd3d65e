import fc from 'fast-check'
import { expect, test } from 'vitest'
import { classifyError, classifyResponse, exhaustedCause, STATUS } from '../../../agent/dispatch/classify.ts'
import { details } from './support/stub-service.ts'

const failure = (code: number, text = 'text', cause?: number) =>
  Object.assign(new Error(`${code} ${text}`), { code, details: text, metadata: details(code, cause) })

test('a start that found its workflow there was a duplicate, a signal never is', () => {
  expect(classifyResponse('start', { started: true })).toEqual({ kind: 'delivered' })
  expect(classifyResponse('start', { started: false })).toEqual({ kind: 'deduplicated' })
  expect(classifyResponse('signal', { started: false })).toEqual({ kind: 'delivered' })
  expect(classifyResponse('meter', { started: false })).toEqual({ kind: 'delivered' })
})

test.each([
  ['ALREADY_EXISTS', { kind: 'deduplicated' }],
  ['INVALID_ARGUMENT', { kind: 'dead-letter', reason: 'INVALID_ARGUMENT: text' }],
  ['NOT_FOUND', { kind: 'park', scope: 'server' }],
  ['PERMISSION_DENIED', { kind: 'park', scope: 'server' }],
  ['UNAUTHENTICATED', { kind: 'park', scope: 'server' }],
  ['UNIMPLEMENTED', { kind: 'park', scope: 'server' }],
  ['FAILED_PRECONDITION', { kind: 'park', scope: 'call' }],
  ['UNAVAILABLE', { kind: 'retry', scope: 'server', cause: 'unavailable' }],
  ['DEADLINE_EXCEEDED', { kind: 'retry', scope: 'call', cause: 'timeout' }],
  ['CANCELLED', { kind: 'retry', scope: 'call', cause: 'timeout' }],
  ['UNKNOWN', { kind: 'retry', scope: 'call', cause: 'failed' }],
  ['ABORTED', { kind: 'retry', scope: 'call', cause: 'failed' }],
  ['DATA_LOSS', { kind: 'retry', scope: 'call', cause: 'failed' }],
  ['INTERNAL', { kind: 'retry', scope: 'call', cause: 'failed' }],
  ['OUT_OF_RANGE', { kind: 'retry', scope: 'call', cause: 'failed' }],
] as const)('%s is classified by the table', (name, verdict) => {
  expect(classifyError(failure(STATUS[name]))).toMatchObject(verdict)
})

test('RESOURCE_EXHAUSTED delays one key when it is busy, and all calls otherwise', () => {
  expect(classifyError(failure(8, 'text', 5))).toMatchObject({ kind: 'retry', scope: 'key', cause: 'busy' })
  for (const cause of [undefined, 0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 99]) {
    expect(classifyError(failure(8, 'text', cause))).toMatchObject({
      kind: 'retry',
      scope: 'server',
      cause: 'throttled',
    })
  }
})

test('a message over the size limit of gRPC is a dead letter although its status says throttled', () => {
  const error = failure(8, 'grpc: received message larger than max (5000000 vs. 4194304)')
  expect(classifyError(error)).toMatchObject({ kind: 'dead-letter' })
})

test('what is no answer of gRPC can never be sent', () => {
  expect(classifyError(new TypeError('no such field'))).toEqual({
    kind: 'dead-letter',
    reason: 'unsendable: no such field',
  })
})

test('anything thrown gets a verdict, and bytes that are no details get none', () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true }), (thrown) => {
      expect(classifyError(thrown).kind).toBeTypeOf('string')
    }),
  )
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const error = { code: 8, metadata: { get: () => [bytes] } }
      expect(['undefined', 'number']).toContain(typeof exhaustedCause(error))
    }),
  )
})
