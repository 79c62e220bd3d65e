import { expect, test, vi } from 'vitest'
import { Tickets } from '../../../agent/dispatch/tickets.ts'

test('a ticket tells whether its event is on disk', async () => {
  const tickets = new Tickets(() => undefined)
  const [one, two] = [tickets.issue(), tickets.issue()]
  tickets.settle([two.number], [one.number, 99])
  expect(await Promise.all([one.stored, two.stored])).toEqual([false, true])
})

test('how requests were answered is told once, together, and somebody is woken for it', () => {
  const wake = vi.fn()
  const tickets = new Tickets(wake)
  const [one, two] = [tickets.issue(), tickets.issue()]
  expect([tickets.takeKept(), tickets.takeRefused()]).toEqual([[], []])
  one.keep()
  one.refuse()
  two.refuse()
  expect(wake).toHaveBeenCalledTimes(2)
  expect([tickets.takeKept(), tickets.takeRefused()]).toEqual([[one.number], [two.number]])
  expect([tickets.takeKept(), tickets.takeRefused()]).toEqual([[], []])
})

test('when the threads are gone no event counts as stored, and nobody is told of their answers', async () => {
  const tickets = new Tickets(() => undefined)
  const [one, two] = [tickets.issue(), tickets.issue()]
  two.keep()
  tickets.failAll()
  expect(await Promise.all([one.stored, two.stored])).toEqual([false, false])
  expect([tickets.takeKept(), tickets.takeRefused()]).toEqual([[], []])
})

test('a ticket that is withdrawn waits for nobody', () => {
  const tickets = new Tickets(() => undefined)
  const one = tickets.issue()
  tickets.withdraw(one)
  expect(() => tickets.settle([one.number], [])).not.toThrow()
})
