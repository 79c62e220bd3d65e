import { handlerActivity, type Handler } from './handler.ts'
import { createOrder, type OrderBook } from './handlers/create-order.ts'
import { DEFAULT_HANDLER, RESERVED_ACTIVITIES } from '../workflows/activity-names.ts'
import { recordRequest } from './record-request.ts'
import { logUsage, type StoreUsage } from './store-usage.ts'

/** What the activities work with. Everything has a default that only writes to the log. */
export interface ActivityDependencies {
  readonly orders?: OrderBook
  readonly storeUsage?: StoreUsage
  /** Handlers by request type, beside the shipped ones and before them. */
  readonly handlers?: Readonly<Record<string, Handler>>
}

/** Activity functions by name; what each takes is between it and the workflow that calls it. */
export type Activities = Record<string, (input: never) => Promise<unknown>>

/**
 * The activities of a worker: one per request type, the default for all other types, and the workflows' own.
 *
 * @throws RangeError when a handler has a name that is not a request type's to have
 */
export function createActivities(dependencies: ActivityDependencies = {}): Activities {
  const handlers: Record<string, Handler> = {
    'create-order': createOrder(dependencies.orders),
    [DEFAULT_HANDLER]: recordRequest,
    ...dependencies.handlers,
  }
  for (const type of Object.keys(handlers)) {
    if (RESERVED_ACTIVITIES.includes(type)) throw new RangeError(`"${type}" cannot be the type of a request handler`)
  }
  const fallback = handlers[DEFAULT_HANDLER] ?? recordRequest
  return {
    ...Object.fromEntries(Object.entries(handlers).map(([type, handler]) => [type, handlerActivity(type, handler)])),
    storeUsage: dependencies.storeUsage ?? logUsage,
    // The SDK runs `default` for every activity that the worker has no other for.
    default: handlerActivity(DEFAULT_HANDLER, fallback),
  }
}
