import { AsyncLocalStorage } from 'node:async_hooks'
import type { Actor } from '../../agent/messages.ts'

interface Caller {
  readonly actor: Actor | undefined
  readonly verified: boolean
}

const storage = new AsyncLocalStorage<Caller>()

/**
 * On whose behalf this activity runs, as the workflow that scheduled it said. Where the worker has `actor.verifyKeys` and
 * `actor.require`, as it does by default, he is proven; else take {@link verifiedActor} where it matters.
 */
export function currentActor(): Actor | undefined {
  return storage.getStore()?.actor
}

/** The same, if a signed envelope for this workflow proves him; undefined otherwise. */
export function verifiedActor(): Actor | undefined {
  const caller = storage.getStore()
  return caller?.verified === true ? caller.actor : undefined
}

/** Runs activity code on behalf of an actor. For the interceptor and for tests of handlers. */
export function runAs<R>(actor: Actor | undefined, code: () => R, verified = false): R {
  return storage.run({ actor, verified }, code)
}
