import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Outbox } from '../../../../agent/dispatch/store/outbox.ts'
import { StoredActions } from '../../../../agent/dispatch/store/stored-actions.ts'
import { tempFolder } from '../../../support/folder.ts'
import { ROOM, row } from './support.ts'

test('finds the numbers of actions, also of those that came later', () => {
  const outbox = new Outbox(join(tempFolder(), 'outbox.db'))
  const actions = new StoredActions(outbox.db)
  const of = (rule: string) => actions.numbers((content) => content.includes(`"${rule}"`))
  expect(of('orders')).toEqual([])
  outbox.insert([row(1), row(2, { rule: 'usage' }), row(3, { delivery: 'durable' })], { ...ROOM })
  expect([of('orders'), of('usage')]).toEqual([[1, 3], [2]])
  outbox.insert([row(4, { rule: 'usage', priority: 1 })], { ...ROOM })
  expect(of('usage')).toEqual([2, 4])
  outbox.close()
})
