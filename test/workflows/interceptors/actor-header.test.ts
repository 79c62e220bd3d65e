import { defaultPayloadConverter, type Headers } from '@temporalio/common'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ACTOR_KEY } from '../../../agent/messages.ts'
import { readActor, withActor } from '../../../workflows/interceptors/actor-header.ts'
import { actor } from '../support/edge.ts'

function read(headers: Headers) {
  const warnings: string[] = []
  return { actor: readActor(headers, (message) => warnings.push(message)), warnings }
}

test('an actor goes through headers unchanged, beside the other fields', () => {
  const other = defaultPayloadConverter.toPayload('x')
  const headers = withActor({ other }, actor('ann'))
  expect(read(headers)).toEqual({ actor: actor('ann'), warnings: [] })
  expect(headers['other']).toBe(other)
})

test('no actor adds no field, and no field is no actor', () => {
  expect(withActor({}, undefined)).toEqual({})
  expect(read({})).toEqual({ actor: undefined, warnings: [] })
})

test('fields of a newer agent pass', () => {
  const newer = { ...actor('ann'), region: 'eu' }
  expect(read(withActor({}, newer)).actor).toEqual(newer)
})

test('whatever else the field holds is no actor, and never an error', () => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      const headers = { [ACTOR_KEY]: defaultPayloadConverter.toPayload(JSON.parse(json)) }
      const { actor: found, warnings } = read(headers)
      expect(found).toBeUndefined()
      expect(warnings).toHaveLength(1)
    }),
  )
  for (const payload of [
    {},
    { metadata: {}, data: new Uint8Array([1]) },
    { metadata: { encoding: new Uint8Array([1]) } },
  ]) {
    expect(read({ [ACTOR_KEY]: payload })).toMatchObject({ actor: undefined, warnings: [expect.any(String)] })
  }
})
