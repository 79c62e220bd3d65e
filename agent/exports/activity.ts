/** `haproxy-temporal/activity`: for code of activities. `runAs` is for its tests. */
export { currentActor, runAs, verifiedActor } from '../../workflows/interceptors/activity-actor.ts'
export type { Handler, HandlerOutput } from '../../workflows/activities/handler.ts'
export type { OrderBook } from '../../workflows/activities/handlers/create-order.ts'
export type { StoreUsage, UsageToStore } from '../../workflows/activities/store-usage.ts'
