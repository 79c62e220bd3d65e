import type { temporal } from '@temporalio/proto'
import type { Actor } from '../messages.ts'

type Payload = temporal.api.common.v1.IPayload
type SearchAttributes = temporal.api.common.v1.ISearchAttributes

/** How to create them; the names are those of {@link searchAttributesOf}. */
export const CREATE_COMMAND =
  'temporal operator search-attribute create --name ActorId --type Keyword --name ActorType --type Keyword --name Tenant --type Keyword'

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
