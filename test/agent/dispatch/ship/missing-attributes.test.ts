import { expect, test } from 'vitest'
import { CREATE_COMMAND } from '../../../../agent/actor/search-attributes.ts'
import { MissingAttributes } from '../../../../agent/dispatch/ship/missing-attributes.ts'
import { searchPayload } from '../../../../agent/dispatch/ship/payloads.ts'
import { recordedLog } from '../support/commands.ts'
import { failure } from './support/fake-temporal.ts'

const ALL = {
  indexedFields: { ActorId: searchPayload('Keyword', 'k1.abc'), Plan: searchPayload('Text', 'gold') },
}
const MINUTES = 60_000
const refusal = (text: string, code = 3) => failure(code, text)

function setUp() {
  const log = recordedLog()
  return { log, missing: new MissingAttributes('edge', log) }
}

test.each([
  'Namespace edge has no mapping defined for search attribute ActorId',
  'search attribute ActorId is not defined',
])('a name that the namespace does not know is left out, and tried again later: %s', (text) => {
  const { log, missing } = setUp()
  expect(missing.allowed(ALL, 0)).toBe(ALL)
  expect(missing.judge(refusal(text), ALL, 0)).toBe('missing')
  expect(missing.judge(refusal(text), ALL, 1)).toBe('missing')
  expect(Object.keys(missing.allowed(ALL, 2)?.indexedFields ?? {})).toEqual(['Plan'])
  expect(missing.allowed({ indexedFields: { ActorId: ALL.indexedFields.ActorId } }, 2)).toBeUndefined()
  expect(missing.allowed(ALL, 6 * MINUTES)).toBe(ALL)
  expect(log.lines.map(({ fields }) => fields)).toEqual([
    { namespace: 'edge', searchAttribute: 'ActorId', hint: CREATE_COMMAND },
  ])
})

test('the hint for a name of a rule names its type', () => {
  const { log, missing } = setUp()
  missing.judge(refusal('search attribute Plan is not defined'), ALL, 0)
  expect(log.lines[0]?.fields).toMatchObject({
    hint: 'temporal operator search-attribute create --name Plan --type Text',
  })
})

test.each([
  'invalid value for search attribute Plan of type Int: gold',
  'search attribute Other is not defined',
  'total size of search attributes exceeds limit',
])('what is wrong with the values of one call makes that call alone go without: %s', (text) => {
  const { log, missing } = setUp()
  expect(missing.judge(refusal(text), ALL, 0)).toBe('unfit')
  expect(missing.allowed(ALL, 1)).toBe(ALL)
  expect(log.lines).toEqual([])
})

test.each([
  [3, 'WorkflowId length exceeds limit.'],
  [14, 'search attribute ActorId is not defined'],
])('other refusals are left alone: %i %s', (code, text) => {
  expect(setUp().missing.judge(refusal(text, code), ALL, 0)).toBeUndefined()
})

test('whatever was thrown is judged without an error', () => {
  for (const thrown of [undefined, null, 'text', new Error('text'), { code: 3 }])
    expect(setUp().missing.judge(thrown, ALL, 0)).toBeUndefined()
})
