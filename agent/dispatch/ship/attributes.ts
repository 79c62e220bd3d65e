import type { temporal } from '@temporalio/proto'
import { searchAttributesOf } from '../../actor/search-attributes.ts'
import type { EdgeEvent } from '../../messages.ts'
import type { Caller } from './caller.ts'
import type { Job } from './job.ts'
import { searchPayload } from './payloads.ts'

type SearchAttributes = temporal.api.common.v1.ISearchAttributes

/**
 * Search attributes of the workflow that a job may start: those of its rule and, of a start, those of the caller. An
 * entity serves many callers: the first one's would stick to it.
 */
export function attributesOf(job: Job, caller: Caller, event: EdgeEvent | undefined): SearchAttributes | undefined {
  const own = job.call.searchAttributes
  const actor = caller.searchAttributes === true && job.action.kind === 'start' ? event?.actor : undefined
  if (own === undefined && actor === undefined) return undefined
  const indexedFields = { ...(actor !== undefined && searchAttributesOf(actor).indexedFields) }
  for (const [name, { type, value }] of Object.entries(own ?? {})) indexedFields[name] ??= searchPayload(type, value)
  return { indexedFields }
}
