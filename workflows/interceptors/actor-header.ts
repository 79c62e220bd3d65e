import { defaultPayloadConverter, type Headers } from '@temporalio/common'
import { ACTOR_KEY, type Actor } from '../../agent/messages.ts'

/**
 * Reads the caller out of Temporal headers. Undefined when the field is absent, and also when it cannot be read: a run
 * without a known caller can still do its work, while a throw here would block its workflow tasks for ever.
 *
 * @param warn called with the reason when the field is there but useless
 */
export function readActor(headers: Headers, warn: (message: string) => void): Actor | undefined {
  const payload = headers[ACTOR_KEY]
  if (payload === undefined) return undefined
  try {
    const value: unknown = defaultPayloadConverter.fromPayload(payload)
    if (isActor(value)) return value
    warn(`header field "${ACTOR_KEY}" is not an actor of version 1: the caller is unknown here`)
  } catch (error) {
    warn(`header field "${ACTOR_KEY}" cannot be decoded: the caller is unknown here (${String(error)})`)
  }
  return undefined
}

/** The same headers with the caller in them; unchanged when there is none. */
export function withActor(headers: Headers, actor: Actor | undefined): Headers {
  if (actor === undefined) return headers
  return { ...headers, [ACTOR_KEY]: defaultPayloadConverter.toPayload(actor) }
}

/** Checks what the workflows read of an actor, no more: fields may be added by a newer agent. */
function isActor(value: unknown): value is Actor {
  if (typeof value !== 'object' || value === null) return false
  const actor = value as Partial<Record<keyof Actor, unknown>>
  return actor.v === 1 && typeof actor.type === 'string' && Array.isArray(actor.roles) && Array.isArray(actor.scopes)
}
