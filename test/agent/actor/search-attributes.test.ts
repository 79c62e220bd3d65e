import { expect, it } from 'vitest'
import { CREATE_COMMAND, searchAttributesOf } from '../../../agent/actor/search-attributes.ts'
import { ann } from './support/keys.ts'

const text = (payload: { data?: Uint8Array | null } | undefined): unknown =>
  JSON.parse(Buffer.from(payload?.data ?? []).toString())

it('holds the pseudonym, the method and the tenant, and nothing else of the actor', () => {
  const { indexedFields } = searchAttributesOf({ ...ann, id: 'k1.abc', tenant: 'acme' })
  const held = Object.fromEntries(Object.entries(indexedFields ?? {}).map(([name, value]) => [name, text(value)]))
  expect(held).toEqual({ ActorId: 'k1.abc', ActorType: 'jwt', Tenant: 'acme' })
  for (const name of Object.keys(held)) expect(CREATE_COMMAND).toContain(`--name ${name} `)
  expect(Object.keys(searchAttributesOf(ann).indexedFields ?? {})).toEqual(['ActorType'])
})
