import { expect, test } from 'vitest'
import { ActionTable } from '../../../agent/dispatch/action-table.ts'
import { action } from './support/commands.ts'

test('an action keeps its number, and equal ones share it, in whatever order their settings were written', () => {
  const table = new ActionTable()
  const first = action('orders')
  const { kind, rule, ...rest } = first
  expect([first, action('usage'), first, { ...rest, rule, kind }].map((one) => table.indexOf(one))).toEqual([
    0, 1, 0, 0,
  ])
  expect(table.size).toBe(2)
  expect(table.from(1)).toEqual([action('usage')])
  expect(table.at(0)).toBe(first)
  expect(table.at(2)).toBeUndefined()
})

test('another setting makes another action, in nested ones too', () => {
  const table = new ActionTable()
  const paced = (count: number) => ({ ...action('orders'), throttle: { count, perMs: 1000 } })
  expect([paced(1), paced(2), paced(1)].map((one) => table.indexOf(one))).toEqual([0, 1, 0])
})
