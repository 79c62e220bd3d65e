import { join } from 'node:path'
import { expect, test } from 'vitest'
import { StoreActions } from '../../../../agent/dispatch/store/actions.ts'
import { type Condition, Outbox } from '../../../../agent/dispatch/store/outbox.ts'
import { Reach } from '../../../../agent/dispatch/store/reach.ts'
import { type Siding, Sidings } from '../../../../agent/dispatch/store/sidings.ts'
import type { StoredActions } from '../../../../agent/dispatch/store/stored-actions.ts'
import { tempFolder } from '../../../support/folder.ts'
import { ROOM, row } from './support.ts'

const signal = { kind: 'signal' } as const
const slow = { ...signal, throttle: { count: 1, perMs: 1000 } }

/** Rows 1 to 6 of everything that may wait apart. */
function filled() {
  const outbox = new Outbox(join(tempFolder(), 'outbox.db'))
  outbox.insert(
    [
      row(1, { ...signal, workflowId: 'hot' }),
      row(2, { ...signal, workflowId: 'cold', namespace: 'default' }),
      row(3, { ...signal, workflowId: 'hot', namespace: 'down' }),
      row(4, { ...slow, workflowId: 'hot' }),
      row(5, { ...slow, workflowId: 'hot', rule: 'audit', namespace: 'down' }),
      { ...row(6), action: 'nonsense' },
    ],
    { ...ROOM },
  )
  const sidings = new Sidings()
  const reach = new Reach(new StoreActions('default'), sidings)
  const read = (where: (actions: StoredActions) => Condition | undefined): number[] =>
    outbox.page(0, 100, Infinity, { except: [], where }).rows.map(({ seq }) => seq)
  return {
    sidings,
    all: () => read((actions) => reach.ofAll(actions)),
    of: (siding: Siding | undefined) => siding && read((actions) => reach.ofSiding(actions, siding)),
  }
}

test('nothing waits apart: the reader looks at all rows', () => {
  expect(filled().all()).toEqual([1, 2, 3, 4, 5, 6])
})

test('each row that waits apart is looked at by its siding, and by nobody else', () => {
  const { sidings, all, of } = filled()
  sidings.beginRule('orders', 0)
  expect([of(sidings.ofRule('orders')), all()]).toEqual([[4], [1, 2, 3, 5, 6]])
  sidings.beginLane('default', 'hot', 0)
  expect([of(sidings.ofLane('default', 'hot')), all()]).toEqual([[1], [2, 3, 5, 6]])
  sidings.beginNamespace('down', 0)
  expect([of(sidings.ofNamespace('down')), all()]).toEqual([[3], [2, 5, 6]])
})

test('the reader of a namespace leaves the lanes out that wait apart', () => {
  const { sidings, all, of } = filled()
  sidings.beginNamespace('default', 0)
  expect(of(sidings.ofNamespace('default'))).toEqual([1, 2])
  sidings.beginLane('default', 'hot', 0)
  expect([of(sidings.ofNamespace('default')), of(sidings.ofLane('default', 'hot')), all()]).toEqual([
    [2],
    [1],
    [3, 4, 5, 6],
  ])
})
