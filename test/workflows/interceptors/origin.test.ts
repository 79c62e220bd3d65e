import { defaultPayloadConverter } from '@temporalio/common'
import type { WorkflowInfo } from '@temporalio/workflow'
import { describe, expect, it } from 'vitest'
import { ORIGIN_KEY } from '../../../agent/messages.ts'
import { startOrigin } from '../../../workflows/interceptors/origin.ts'

const STARTED = 1_760_000_000_000
const told = (origin: unknown) => ({ [ORIGIN_KEY]: defaultPayloadConverter.toPayload(origin) })
const HEADERS = told({ at: 1, ancestors: ['grandparent'] })

/** What the server says of a run; a first run by default. */
function run(info: Partial<WorkflowInfo> = {}): WorkflowInfo {
  return { namespace: 'default', attempt: 1, startTime: new Date(STARTED), ...info } as WorkflowInfo
}
const parent = { workflowId: 'parent', runId: 'r', namespace: 'default' }

describe('headers that a client may have written are not believed', () => {
  it.each([
    ['a first run', {}],
    ['a run that Temporal tried again', { continuedFromExecutionRunId: 'r', attempt: 2 }],
    ['a run of a cron schedule', { continuedFromExecutionRunId: 'r', cronSchedule: '* * * * *' }],
    ['a child of another namespace', { parent: { ...parent, namespace: 'other' } }],
  ])('%s', (_, info) => {
    expect(startOrigin(HEADERS, run(info))).toEqual({ at: STARTED, ancestors: [] })
  })
})

it('a child stands behind its parent, and came in when the parent did', () => {
  expect(startOrigin(HEADERS, run({ parent }))).toEqual({ at: 1, ancestors: ['parent', 'grandparent'] })
  expect(startOrigin({}, run({ parent }))).toEqual({ at: STARTED, ancestors: ['parent'] })
  // Temporal's own retry of a child starts with what the parent wrote.
  const retried = run({ parent, continuedFromExecutionRunId: 'r', attempt: 2 })
  expect(startOrigin(HEADERS, retried)).toEqual({ at: 1, ancestors: ['parent', 'grandparent'] })
})

it('a run that continues another came in with the first', () => {
  expect(startOrigin(HEADERS, run({ continuedFromExecutionRunId: 'r' }))).toEqual({
    at: 1,
    ancestors: ['grandparent'],
  })
  const child = run({ parent, continuedFromExecutionRunId: 'r' })
  expect(startOrigin(told({ at: 1, ancestors: ['parent'] }), child)).toEqual({ at: 1, ancestors: ['parent'] })
})

it.each([undefined, null, 7, 'x', {}, { at: '1', ancestors: [] }, { at: 1, ancestors: 'a' }])(
  '%j is no origin, and no error',
  (value) => {
    expect(startOrigin(told(value), run({ parent }))).toEqual({ at: STARTED, ancestors: ['parent'] })
  },
)

it('a long line of parents is cut', () => {
  const ancestors = Array.from({ length: 50 }, (_, i) => `a${i}`)
  expect(startOrigin(told({ at: 1, ancestors }), run({ parent })).ancestors).toHaveLength(10)
})
