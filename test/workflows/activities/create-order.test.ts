import { MockActivityEnvironment } from '@temporalio/testing'
import { ApplicationFailure } from '@temporalio/common'
import { expect, test } from 'vitest'
import { createOrder, orderNumber, type OrderBook } from '../../../workflows/activities/handlers/create-order.ts'
import { runAs } from '../../../workflows/interceptors/activity-actor.ts'
import { actor, event } from '../support/edge.ts'
import { installQuietRuntime } from '../support/workbench.ts'

installQuietRuntime()

const input = event('1', 'create-order', actor('ann'))
const number = orderNumber(input.id)

function orderBook() {
  const calls: string[] = []
  const orders: OrderBook = {
    reserve: async (order) => void calls.push(`reserve ${order}`),
    confirm: async (order) => void calls.push(`confirm ${order}`),
  }
  return { calls, orders }
}

test('an event has one order number, other events have others', () => {
  expect(number).toMatch(/^ORD-[0-9A-F]{15}$/)
  expect(orderNumber(input.id)).toBe(number)
  expect(orderNumber('create-order/2')).not.toBe(number)
})

test('reserves, says so in its heartbeat, and confirms', async () => {
  const { calls, orders } = orderBook()
  const environment = new MockActivityEnvironment()
  const beats: unknown[] = []
  environment.on('heartbeat', (details) => beats.push(details))
  const handle = (e: typeof input) => runAs(actor('ben'), () => createOrder(orders)(e))
  expect(await environment.run(handle, input)).toEqual({ order: number, orderedBy: 'ben', plan: 'gold' })
  expect(calls).toEqual([`reserve ${number}`, `confirm ${number}`])
  expect(beats).toEqual([{ reserved: number }])
})

test('does not reserve again what its heartbeat says is reserved', async () => {
  const { calls, orders } = orderBook()
  const environment = new MockActivityEnvironment({ heartbeatDetails: { reserved: number } })
  await environment.run(createOrder(orders), input)
  expect(calls).toEqual([`confirm ${number}`])
})

test('an event without id is refused for good', async () => {
  const failure: unknown = await createOrder()({ ...input, id: '' }).catch((e: unknown) => e)
  expect(failure).toBeInstanceOf(ApplicationFailure)
  expect(failure).toMatchObject({ type: 'InvalidEvent' })
})
