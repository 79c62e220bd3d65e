import { AsyncLocalStorage } from 'node:async_hooks'
import type { Actor } from '../../agent/messages.ts'

const storage = new AsyncLocalStorage<Actor | undefined>()

/** On whose behalf this activity runs, as the workflow that scheduled it said. */
export function currentActor(): Actor | undefined {
  return storage.getStore()
}

/** Runs activity code on behalf of an actor. For the interceptor and for tests of handlers. */
export function runAs<R>(actor: Actor | undefined, code: () => R): R {
  return storage.run(actor, code)
}
