import {
  ApplicationFailure,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  executeChild,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow'
import type { Actor } from '../../../agent/messages.ts'
import { currentActor, verifiedActor } from '../../../workflows/interceptors/workflow-actor.ts'

/** Workflows that tell who called them, as they see it and as their activities do. */

export interface Seen {
  readonly current: Actor | null
  readonly verified: Actor | null
}

export interface Sight {
  /** What workflow code sees. */
  readonly workflow: Seen
  /** What an activity sees. */
  readonly activity: Seen
}

const { who } = proxyActivities<{ who(): Promise<Seen> }>({ startToCloseTimeout: '10 seconds' })

export async function caller(): Promise<Sight> {
  const workflow = { current: currentActor() ?? null, verified: (await verifiedActor()) ?? null }
  return { workflow, activity: await who() }
}

/** The activity of a grandchild. */
export async function family(event: unknown, generations = 2): Promise<Seen> {
  if (generations === 0) return who()
  const workflowId = `${workflowInfo().workflowId}.child`
  return executeChild(family, { workflowId, args: [event, generations - 1] })
}

/** Fails at first, for a client that asks for a retry. */
export async function flaky(): Promise<Seen> {
  if (workflowInfo().attempt === 1) throw ApplicationFailure.retryable('not at first')
  return who()
}

export const eventSignal = defineSignal('event')
export const seenQuery = defineQuery<Seen[]>('seen')

/** The callers of its signals, one run each, and then the caller that started the first run. */
export async function entity(_input: unknown, earlier: readonly Seen[] = []): Promise<Seen[]> {
  const seen = [...earlier]
  let done = false
  setHandler(seenQuery, () => seen)
  setHandler(eventSignal, async () => {
    seen.push(await who().catch((error: Error) => ({ current: null, verified: null, error: String(error.cause) })))
    done = true
  })
  await condition(() => done)
  if (seen.length < 2) return continueAsNew<typeof entity>(_input, seen)
  return [...seen, await who()]
}
