import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Turns } from '../../../../agent/dispatch/ship/turns.ts'

const drain = (turns: Turns<string>): string[] => {
  const order: string[] = []
  for (let one = turns.next(); one !== undefined; one = turns.next()) order.push(one)
  return order
}

test('one of each tenant, then the next of each', () => {
  const turns = new Turns<string>()
  for (const one of ['a1', 'a2', 'a3', 'b1', 'c1', 'c2']) turns.push(one.slice(0, 1), one)
  expect(turns.size).toBe(6)
  expect(drain(turns)).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3'])
  expect(turns.size).toBe(0)
})

test('what is pushed to the front is next of its tenant, and takes no turn of another', () => {
  const turns = new Turns<string>()
  for (const one of ['a1', 'a2', 'b1', 'b2']) turns.push(one.slice(0, 1), one)
  expect(turns.next()).toBe('a1')
  turns.pushFront('a', 'a1')
  expect(drain(turns)).toEqual(['b1', 'a1', 'b2', 'a2'])
})

test('what is not retained is gone, and the turns go on', () => {
  const turns = new Turns<string>()
  for (const one of ['a1', 'b1', 'b2', 'c1']) turns.push(one.slice(0, 1), one)
  turns.retain((one) => !one.endsWith('1') || one === 'c1')
  expect(turns.size).toBe(2)
  expect(drain(turns)).toEqual(['b2', 'c1'])
})

test('between two values of a tenant each other tenant that waits has its turn', () => {
  const tenants = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(tenants, (pushed) => {
      const turns = new Turns<string>()
      pushed.forEach((tenant, i) => turns.push(tenant, `${tenant}${i}`))
      const order = drain(turns)
      expect(order.toSorted()).toEqual(pushed.map((tenant, i) => `${tenant}${i}`).toSorted())
      order.forEach((one, at) => {
        const again = order.findIndex((other, i) => i > at && other.startsWith(one.slice(0, 1)))
        if (again < 0) return
        const waiting = new Set(order.slice(at + 1).map((other) => other.slice(0, 1)))
        const served = new Set(order.slice(at + 1, again + 1).map((other) => other.slice(0, 1)))
        expect(served).toEqual(waiting)
      })
    }),
  )
})
