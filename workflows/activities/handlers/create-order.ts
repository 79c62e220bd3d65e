import { createHash } from 'node:crypto'
import { activityInfo, ApplicationFailure, heartbeat, log } from '@temporalio/activity'
import type { EdgeEvent } from '../../../agent/messages.ts'
import { currentActor } from '../../interceptors/activity-actor.ts'
import type { Handler } from '../handler.ts'

/** Where orders are kept. Both calls come again after a failure and must then change nothing. */
export interface OrderBook {
  reserve(number: string, event: EdgeEvent): Promise<void>
  confirm(number: string, event: EdgeEvent): Promise<void>
}

/** What the heartbeat says: the last step that is done. */
interface Progress {
  readonly reserved: string
}

/**
 * Creates the order behind a request in two steps, and after a failure goes on with the step that is not done.
 *
 * @throws ApplicationFailure `InvalidEvent` for an event without id: its order would have no number of its own
 */
export function createOrder(orders: OrderBook = loggedOrders): Handler {
  return async (event) => {
    if (event.id === '') throw ApplicationFailure.create({ type: 'InvalidEvent', message: 'the event has no id' })
    const done = activityInfo().heartbeatDetails as Progress | undefined
    const number = orderNumber(event.id)
    if (done?.reserved !== number) {
      await orders.reserve(number, event)
      heartbeat({ reserved: number } satisfies Progress)
    }
    await orders.confirm(number, event)
    return { order: number, orderedBy: currentActor()?.subject ?? null, plan: event.vars['plan'] ?? null }
  }
}

/** The same event always gets the same number, whichever worker handles it and however often. 60 bits of it. */
export function orderNumber(eventId: string): string {
  return `ORD-${createHash('sha256').update(eventId).digest('hex').slice(0, 15).toUpperCase()}`
}

/** For demonstrations: the orders appear in the worker's log. */
const loggedOrders: OrderBook = {
  async reserve(number, event) {
    log.info('order number reserved', { number, eventId: event.id })
  },
  async confirm(number, event) {
    log.info('order confirmed', { number, eventId: event.id })
  },
}
