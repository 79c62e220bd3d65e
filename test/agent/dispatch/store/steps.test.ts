import { expect, test } from 'vitest'
import { inSteps } from '../../../../agent/dispatch/store/steps.ts'

test('between two steps others have their turn, and the end is the answer', async () => {
  const order: string[] = []
  const work = inSteps(
    (function* () {
      for (const step of ['a', 'b', 'c']) {
        order.push(step)
        yield
      }
      return order.length
    })(),
  )
  setImmediate(() => order.push('other'))
  expect(await work).toBe(4)
  expect(order.filter((each) => each !== 'other')).toEqual(['a', 'b', 'c'])
  expect(order.indexOf('other')).toBeGreaterThan(0)
  expect(order.at(-1)).toBe('c')
})

test('what a step throws is the end of it', async () => {
  await expect(
    inSteps(
      (function* () {
        yield
        throw new Error('no more')
      })(),
    ),
  ).rejects.toThrow('no more')
})
