import { continueAsNew, defineQuery, defineSignal, proxyActivities, setHandler } from '@temporalio/workflow'
import type { EntityInput } from '../../../agent/messages.ts'
import { EntityRun, serveEntity, type EntityOptions } from '../../../workflows/workflows/entity.ts'
import {
  Inbox,
  serveInbox,
  type InboxBatch,
  type InboxItem,
  type InboxState,
} from '../../../workflows/workflows/inbox.ts'

/** Workflows of a user's own, on the helpers that ship. */

export interface Item extends InboxItem {
  readonly text?: string
}

export interface CollectorInput extends EntityInput<InboxState<Item>> {
  readonly options?: EntityOptions
}

export interface Collected {
  readonly total: number
  readonly duplicates: number
  readonly malformed: number
  readonly waiting: number
}

interface CollectorActivities {
  handOver(batch: InboxBatch<Item>): Promise<void>
}

const { handOver } = proxyActivities<CollectorActivities>({
  startToCloseTimeout: '10 seconds',
  retry: { maximumAttempts: 1 },
})

export const itemSignal = defineSignal<[Item]>('item')
export const collectedQuery = defineQuery<Collected>('collected')

/** Hands items over in batches of ten. */
export async function collector(input: CollectorInput): Promise<void> {
  const run = new EntityRun(input.options)
  const inbox = new Inbox<Item>({ batchItems: 10 }, input.state)
  setHandler(collectedQuery, () => ({
    total: inbox.total,
    duplicates: inbox.duplicates,
    malformed: inbox.malformed,
    waiting: inbox.waiting,
  }))
  setHandler(itemSignal, (item) => {
    run.signalled()
    inbox.add(item)
  })
  await serveInbox(run, inbox, handOver)
  await continueAsNew<typeof collector>({ ...input, state: inbox.toState() })
}

/** Does not hand over while more than one item is left, and does one with each step. */
export async function drainer(input: CollectorInput): Promise<void> {
  const run = new EntityRun(input.options)
  const items = [...(input.state?.waiting ?? [])]
  setHandler(collectedQuery, () => ({ total: 0, duplicates: 0, malformed: 0, waiting: items.length }))
  setHandler(itemSignal, (item) => {
    run.signalled()
    items.push(item)
  })
  await serveEntity(run, {
    ready: () => items.length > 0,
    async step() {
      const [first] = items
      if (first === undefined) return
      await handOver({ items: [first], idempotencyKey: first.id })
      items.shift()
    },
    mayHandOver: () => items.length <= 1,
  })
  const state = { total: 0, duplicates: 0, malformed: 0, seen: [], waiting: items, tried: 0 }
  await continueAsNew<typeof drainer>({ ...input, state })
}
