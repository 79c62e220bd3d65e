import { expect, it } from 'vitest'
import { CREATE_COMMAND, searchAttributesOf, withoutMissingAttributes } from '../../../agent/actor/search-attributes.ts'
import type { TemporalCalls } from '../../../agent/dispatch/connection.ts'
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

/** Calls that Temporal answers by `answer`, in the order they are made. */
function setUp(answer: (searchAttributes: unknown) => void) {
  const seen: unknown[] = []
  const lines: string[] = []
  let missed = 0
  let now = 0
  const calls = {
    start(request: { searchAttributes?: unknown }) {
      seen.push(request.searchAttributes)
      answer(request.searchAttributes)
      return Promise.resolve({ started: true })
    },
  } as unknown as TemporalCalls
  const wrapped = withoutMissingAttributes(
    calls,
    { warn: (_, message) => void lines.push(message) },
    () => missed++,
    () => now,
  )
  return { wrapped, seen, lines, missed: () => missed, advance: (ms: number) => (now += ms) }
}

const attributes = searchAttributesOf(ann)
const refuse = (code: number, details: string) => (searchAttributes: unknown) => {
  if (searchAttributes !== undefined) throw Object.assign(new Error(details), { code, details })
}
const MISSING = 'Namespace default has no mapping defined for search attribute ActorId'

it('starts again without attributes that the namespace has not, says so once, and tries again later', async () => {
  const { wrapped, seen, lines, missed, advance } = setUp(refuse(3, MISSING))
  expect(await wrapped.start({ searchAttributes: attributes })).toEqual({ started: true })
  await wrapped.start({ searchAttributes: attributes })
  expect(seen).toEqual([attributes, undefined, undefined])
  expect([missed(), lines.length]).toEqual([2, 1])
  advance(5 * 60_000)
  await wrapped.start({ searchAttributes: attributes })
  expect(seen).toEqual([attributes, undefined, undefined, attributes, undefined])
})

it.each([
  [3, 'WorkflowId length exceeds limit.'],
  [14, `${MISSING} or so`],
])('leaves other refusals alone: %i %s', async (code, details) => {
  const { wrapped, missed } = setUp(refuse(code, details))
  await expect(wrapped.start({ searchAttributes: attributes })).rejects.toThrow(details)
  expect(missed()).toBe(0)
})

it('does nothing to a start without attributes, nor to one that is taken', async () => {
  const { wrapped, seen, missed } = setUp(() => {})
  await wrapped.start({})
  await wrapped.start({ searchAttributes: attributes })
  expect(seen).toEqual([undefined, attributes])
  expect(missed()).toBe(0)
})
