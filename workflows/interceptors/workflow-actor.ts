import { AsyncLocalStorage } from '@temporalio/workflow'
import type { Actor } from '../../agent/messages.ts'

const storage = new AsyncLocalStorage<Actor | undefined>()

/**
 * Who asked for what this workflow code is doing: inside a signal handler (also after its awaits) the sender of that
 * signal, elsewhere the caller that started the workflow. Across continue-as-new that stays the first run's caller.
 */
export function currentActor(): Actor | undefined {
  return storage.getStore()
}

/** Runs workflow code on behalf of an actor. For the interceptors. */
export function runAs<R>(actor: Actor | undefined, code: () => R): R {
  return storage.run(actor, code)
}
