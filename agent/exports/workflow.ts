/**
 * `haproxy-temporal/workflow`: what workflow code of one's own is made of. It is loaded into the sandbox of workflows, so
 * nothing in here may need more than `@temporalio/workflow`.
 */
export { EntityRun, serveEntity, type EntityOptions, type EntityWork } from '../../workflows/workflows/entity.ts'
export {
  Inbox,
  serveInbox,
  type InboxBatch,
  type InboxItem,
  type InboxOptions,
  type InboxState,
} from '../../workflows/workflows/inbox.ts'
export { SeenRing } from '../../workflows/workflows/seen-ring.ts'
export { currentActor, verifiedActor } from '../../workflows/interceptors/workflow-actor.ts'
