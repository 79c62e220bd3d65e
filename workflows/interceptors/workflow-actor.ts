import { AsyncLocalStorage, proxyLocalActivities } from '@temporalio/workflow'
import type { Actor } from '../../agent/messages.ts'
import type { Caller } from './actor-header.ts'

const storage = new AsyncLocalStorage<Caller | undefined>()

/**
 * Who asked for what this workflow code is doing: inside a signal handler (also after its awaits) the sender of that
 * signal, elsewhere the caller that started the workflow. Across continue-as-new that stays the first run's caller.
 *
 * This is what the header says: good for names in results and statuses, not for decisions. Workflow code cannot check a
 * signature, because keys come and go and a replay must not depend on them. See {@link verifiedActor}.
 */
export function currentActor(): Actor | undefined {
  return storage.getStore()?.actor
}

interface ActorActivities {
  'actor.verify'(): Promise<Actor | null>
}

/**
 * The same caller if a signed envelope proves him, as the worker found out once: a local activity, whose answer is in
 * the history from then on. Undefined when he is not proven, and when the worker has no keys to verify with.
 *
 * @throws ActivityFailure when the worker's keys cannot be had for a minute
 */
export async function verifiedActor(): Promise<Actor | undefined> {
  const { 'actor.verify': verify } = proxyLocalActivities<ActorActivities>({
    startToCloseTimeout: '10 seconds',
    scheduleToCloseTimeout: '1 minute',
  })
  return (await verify()) ?? undefined
}

/** The whole caller, for headers of what leaves the workflow. */
export function currentCaller(): Caller | undefined {
  return storage.getStore()
}

/** Runs workflow code on behalf of a caller. For the interceptors. */
export function runAs<R>(caller: Caller | undefined, code: () => R): R {
  return storage.run(caller, code)
}
