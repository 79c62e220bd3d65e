import { expect, test } from 'vitest'
import { shipAction } from './support/parcels.ts'

test('a start refuses a second workflow, signals join the one that runs', () => {
  expect(shipAction().target).toMatchObject({ workflowIdReusePolicy: 3, workflowIdConflictPolicy: 1 })
  for (const kind of ['signal', 'meter', 'window'] as const) {
    expect(shipAction({ kind }).target).toMatchObject({ workflowIdReusePolicy: 1, workflowIdConflictPolicy: 2 })
  }
})

test('policies and timeouts are those of the rule', () => {
  const { target } = shipAction({
    idReuse: 'allow_duplicate_failed_only',
    idConflict: 'terminate_existing',
    timeouts: { executionMs: 90_500, taskMs: 2_000 },
  })
  expect(target).toMatchObject({ workflowIdReusePolicy: 2, workflowIdConflictPolicy: 3 })
  expect(Number(target.workflowExecutionTimeout?.seconds)).toBe(90)
  expect(target.workflowExecutionTimeout?.nanos).toBe(500_000_000)
  expect(Number(target.workflowTaskTimeout?.seconds)).toBe(2)
  expect(target.workflowRunTimeout).toBeUndefined()
})

test('signal names are those of the shipped workflows unless the rule has its own', () => {
  const names = (['signal', 'meter', 'window'] as const).map((kind) => shipAction({ kind }).signalName)
  expect(names).toEqual(['event', 'batch', 'window'])
  expect(shipAction({ kind: 'signal', signalName: 'mine' }).signalName).toBe('mine')
})

test('the namespace is that of the rule, or else of the agent', () => {
  expect(shipAction().target.namespace).toBe('edge')
  expect(shipAction({ namespace: 'billing' })).toMatchObject({ namespace: 'billing', target: { namespace: 'billing' } })
})

test('all that is asked of one workflow shares a lane, but metered records only what makes up one call', () => {
  const kinds = ['start', 'signal', 'window', 'cancel', 'terminate'] as const
  const ordered = kinds.map((kind) => shipAction({ kind }).laneGroup)
  expect(new Set(ordered).size).toBe(1)
  const meter = shipAction({ kind: 'meter' }).laneGroup
  expect(shipAction({ kind: 'meter', delivery: 'strict', worth: 'low' }).laneGroup).toBe(meter)
  expect(shipAction({ kind: 'meter', taskQueue: 'other' }).laneGroup).not.toBe(meter)
  expect(ordered).not.toContain(meter)
})

test('only actions with a workflow type start one', () => {
  expect([shipAction(), shipAction({ kind: 'signal' })].map(({ starts }) => starts)).toEqual([true, true])
  const others = [shipAction({ kind: 'signal', workflowType: '' }), shipAction({ kind: 'cancel', workflowType: 'x' })]
  expect(others.map(({ starts }) => starts)).toEqual([false, false])
})
