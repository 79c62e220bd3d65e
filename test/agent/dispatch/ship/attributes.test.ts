import { expect, test } from 'vitest'
import type { CallOptions } from '../../../../agent/dispatch/command.ts'
import { attributesOf } from '../../../../agent/dispatch/ship/attributes.ts'
import { CALLER, eventOf, job, parcel, text } from './support/parcels.ts'

const caller = { ...CALLER, searchAttributes: true }
const own: CallOptions = {
  searchAttributes: { Plan: { type: 'Keyword', value: 'gold' }, Total: { type: 'Double', value: 1.5 } },
}
const one = (kind: 'start' | 'signal', call: CallOptions = {}) =>
  job([parcel(1, { call: JSON.stringify(call) })], { kind })
const fields = (...args: Parameters<typeof attributesOf>) => {
  const found = attributesOf(...args)?.indexedFields ?? {}
  return Object.fromEntries(
    Object.entries(found).map(([name, value]) => [
      name,
      [Buffer.from(value.metadata?.['type'] ?? []).toString(), text(value)],
    ]),
  )
}

test('of a start they are those of its caller, if they are asked for, and those of its rule', () => {
  expect(fields(one('start', own), caller, eventOf(1))).toEqual({
    ActorType: ['Keyword', 'jwt'],
    Tenant: ['Keyword', 'acme'],
    Plan: ['Keyword', 'gold'],
    Total: ['Double', 1.5],
  })
  expect(Object.keys(fields(one('start', own), CALLER, eventOf(1)))).toEqual(['Plan', 'Total'])
  expect(attributesOf(one('start'), CALLER, eventOf(1))).toBeUndefined()
})

test('an entity has none of its first caller', () => {
  expect(attributesOf(one('signal'), caller, eventOf(1))).toBeUndefined()
  expect(Object.keys(fields(one('signal', own), caller, eventOf(1)))).toEqual(['Plan', 'Total'])
})

test('a rule cannot pass somebody off as the caller', () => {
  const fake = one('start', { searchAttributes: { Tenant: { type: 'Keyword', value: 'other' } } })
  expect(fields(fake, caller, eventOf(1))['Tenant']).toEqual(['Keyword', 'acme'])
})
