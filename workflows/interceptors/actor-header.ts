import { defaultPayloadConverter, type Headers } from '@temporalio/common'
import { ACTOR_KEY, ENVELOPE_KEY, ORIGIN_KEY, type Actor, type Origin } from '../../agent/messages.ts'

/** On whose behalf code runs. */
export interface Caller {
  /** As the header says; proven only where an activity has verified the envelope. */
  readonly actor: Actor | undefined
  /** The signed envelope, as it came. */
  readonly envelope: string | undefined
  /** Where it came in. */
  readonly origin: Origin
}

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

/** The envelope in Temporal headers; undefined when there is none, or something else in its place. */
export function readEnvelope(headers: Headers): string | undefined {
  const value = decode(headers, ENVELOPE_KEY)
  return typeof value === 'string' ? value : undefined
}

/**
 * What workflow code said of an envelope. To be believed only where the server says that workflow code wrote the headers:
 * any client can write the headers of a start or a signal.
 */
export function readOrigin(headers: Headers): Origin | undefined {
  const value = decode(headers, ORIGIN_KEY)
  if (typeof value !== 'object' || value === null) return undefined
  const { at, ancestors } = value as Partial<Record<keyof Origin, unknown>>
  if (typeof at !== 'number' || !Array.isArray(ancestors)) return undefined
  return { at, ancestors: ancestors.filter((id) => typeof id === 'string') }
}

/** The same headers with the caller in them, envelope and all; unchanged when there is none. */
export function withCaller(headers: Headers, caller: Caller | undefined): Headers {
  if (caller === undefined) return headers
  const all = withActor(headers, caller.actor)
  if (caller.envelope === undefined) return all
  return {
    ...all,
    [ENVELOPE_KEY]: defaultPayloadConverter.toPayload(caller.envelope),
    [ORIGIN_KEY]: defaultPayloadConverter.toPayload(caller.origin),
  }
}

/** Undefined for what cannot be decoded: whoever needs it treats it as missing. */
function decode(headers: Headers, key: string): unknown {
  const payload = headers[key]
  if (payload === undefined) return undefined
  try {
    return defaultPayloadConverter.fromPayload(payload)
  } catch {
    return undefined
  }
}

/** Checks what the workflows read of an actor, no more: fields may be added by a newer agent. */
function isActor(value: unknown): value is Actor {
  if (typeof value !== 'object' || value === null) return false
  const actor = value as Partial<Record<keyof Actor, unknown>>
  return actor.v === 1 && typeof actor.type === 'string' && Array.isArray(actor.roles) && Array.isArray(actor.scopes)
}
