import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Deque } from '../../../agent/dispatch/deque.ts'

test('a deque behaves like an array, whatever is done to it', () => {
  const step = fc.oneof({ weight: 3, arbitrary: fc.constant('push') }, fc.constant('pushFront'), {
    weight: 3,
    arbitrary: fc.constant('shift'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const deque = new Deque<number>()
      const model: number[] = []
      steps.forEach((name, i) => {
        if (name === 'push') {
          deque.push(i)
          model.push(i)
        } else if (name === 'pushFront') {
          deque.pushFront(i)
          model.unshift(i)
        } else expect(deque.shift()).toBe(model.shift())
        expect([deque.size, deque.peek()]).toEqual([model.length, model[0]])
      })
      while (model.length > 0) expect(deque.shift()).toBe(model.shift())
      expect(deque.shift()).toBeUndefined()
    }),
  )
})

test('what is not retained is gone, and the rest stays in order', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { maxLength: 100 }), fc.nat(9), fc.nat(20), (values, least, shifts) => {
      const deque = new Deque<number>()
      for (const value of values) deque.push(value)
      for (let i = 0; i < shifts; i++) deque.shift()
      deque.retain((value) => value >= least)
      const left = values.slice(shifts).filter((value) => value >= least)
      expect(deque.size).toBe(left.length)
      for (const value of left) expect(deque.shift()).toBe(value)
    }),
  )
})
