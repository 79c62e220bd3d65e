import type { temporal } from '@temporalio/proto'
import { STATUS } from '../dispatch/classify.ts'
import type { TemporalCalls } from '../dispatch/connection.ts'
import type { Actor } from '../messages.ts'

type Payload = temporal.api.common.v1.IPayload
type SearchAttributes = temporal.api.common.v1.ISearchAttributes
type Log = { warn(fields: object, message: string): void }

/** How to create them; the names are those of {@link searchAttributesOf}. */
export const CREATE_COMMAND =
  'temporal operator search-attribute create --name ActorId --type Keyword --name ActorType --type Keyword --name Tenant --type Keyword'

/** Milliseconds for which starts go without search attributes after Temporal refused some. */
const RETRY_MS = 5 * 60_000

/** Search attributes of a workflow that was started for one caller. They are never encrypted: no name goes in here. */
export function searchAttributesOf(actor: Actor): SearchAttributes {
  const indexedFields: Record<string, Payload> = { ActorType: keyword(actor.type) }
  if (actor.id !== undefined) indexedFields['ActorId'] = keyword(actor.id)
  if (actor.tenant !== undefined) indexedFields['Tenant'] = keyword(actor.tenant)
  return { indexedFields }
}

function keyword(value: string): Payload {
  return {
    metadata: { encoding: Buffer.from('json/plain'), type: Buffer.from('Keyword') },
    data: Buffer.from(JSON.stringify(value)),
  }
}

/**
 * Calls that go through although the namespace has no such search attributes: Temporal refuses them as a whole, so they
 * are made again without. Found by, not done for: after some minutes it is tried with them again.
 *
 * @param missed told of each start that went without
 */
export function withoutMissingAttributes(
  calls: TemporalCalls,
  log: Log,
  missed: () => void,
  now: () => number = () => performance.now(),
): TemporalCalls {
  let withoutUntil = 0
  return {
    async start(request) {
      if (request.searchAttributes == null) return calls.start(request)
      const { searchAttributes: _, ...rest } = request
      if (now() >= withoutUntil) {
        try {
          return await calls.start(request)
        } catch (error) {
          if (!isMissingAttribute(error)) throw error
          // Calls in flight beside this one fail the same way and have nothing new to tell.
          if (now() >= withoutUntil) {
            log.warn({ hint: CREATE_COMMAND }, 'Temporal knows no such search attributes: workflows start without them')
          }
          withoutUntil = now() + RETRY_MS
        }
      }
      missed()
      return calls.start(rest)
    },
    signalWithStart: (request) => calls.signalWithStart(request),
    close: () => calls.close(),
  }
}

/** `Namespace default has no mapping defined for search attribute ActorId`, in the words of several server versions. */
function isMissingAttribute(error: unknown): boolean {
  const { code, details, message } = (error ?? {}) as { code?: unknown; details?: unknown; message?: unknown }
  return code === STATUS.INVALID_ARGUMENT && /search attribute/i.test(`${String(details)} ${String(message)}`)
}
