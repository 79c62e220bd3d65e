import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Inbox, type InboxItem, type InboxState } from '../../../workflows/workflows/inbox.ts'

interface Item extends InboxItem {
  readonly text?: string
}

const overJson = (inbox: Inbox<Item>) => JSON.parse(JSON.stringify(inbox.toState())) as InboxState<Item>
const ids = (inbox: Inbox<Item>) => inbox.next()?.items.map(({ id }) => id)

test('items come in batches, in their order, each once', () => {
  const inbox = new Inbox<Item>({ batchItems: 2 })
  for (const id of ['a', 'b', 'a', 'c']) inbox.add({ id })
  expect(inbox.next()).toEqual({ items: [{ id: 'a' }, { id: 'b' }], idempotencyKey: 'a..b' })
  inbox.settle()
  expect(inbox.next()).toEqual({ items: [{ id: 'c' }], idempotencyKey: 'c..c' })
  inbox.settle()
  expect(inbox.next()).toBeUndefined()
  expect(inbox).toMatchObject({ total: 3, duplicates: 1, waiting: 0 })
})

test('a batch stays as it is until it is settled, in the next run too', () => {
  const inbox = new Inbox<Item>({ batchItems: 10 })
  inbox.add({ id: 'a' })
  expect(ids(inbox)).toEqual(['a'])
  inbox.add({ id: 'b' })
  expect(ids(inbox)).toEqual(['a'])
  const next = new Inbox<Item>({ batchItems: 10 }, overJson(inbox))
  next.add({ id: 'a' })
  next.add({ id: 'c' })
  expect(ids(next)).toEqual(['a'])
  next.settle()
  expect(ids(next)).toEqual(['b', 'c'])
})

test('large items make small batches, and the state is small again when they are done', () => {
  const inbox = new Inbox<Item>()
  for (let n = 0; n < 5; n++) inbox.add({ id: `${n}`, text: 'x'.repeat(100_000) })
  expect(inbox.isSmall).toBe(false)
  expect(new Inbox<Item>({}, overJson(inbox)).isSmall).toBe(false)
  expect(ids(inbox)).toEqual(['0', '1'])
  inbox.settle()
  inbox.next()
  inbox.settle()
  expect(inbox.isSmall).toBe(true)
  inbox.add({ id: 'huge', text: 'x'.repeat(500_000) })
  inbox.next()
  inbox.settle()
  expect(ids(inbox)).toEqual(['huge'])
})

test('what has no id is counted apart and throws nothing', () => {
  const inbox = new Inbox<Item>()
  for (const bad of [undefined, null, 3, 'x', {}, { id: 1 }, { id: '' }]) inbox.add(bad as unknown as Item)
  expect(inbox).toMatchObject({ malformed: 7, waiting: 0, total: 0 })
})

test('whatever comes again, fails or is handed to another run, each item is done once', () => {
  const step = fc.oneof(
    fc.record({ op: fc.constant('add' as const), id: fc.integer({ min: 0, max: 40 }) }),
    fc.record({ op: fc.constantFrom('try' as const, 'done' as const, 'next run' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      let inbox = new Inbox<Item>({ batchItems: 3 })
      const sent = new Set<string>()
      const done = new Map<string, readonly string[]>()
      for (const one of steps) {
        if (one.op === 'add') {
          sent.add(`${one.id}`)
          inbox.add({ id: `${one.id}` })
        } else if (one.op === 'next run') inbox = new Inbox<Item>({ batchItems: 3 }, overJson(inbox))
        else {
          const batch = inbox.next()
          if (batch === undefined) continue
          const items = batch.items.map(({ id }) => id)
          // A key that comes again means the same items.
          expect(done.get(batch.idempotencyKey) ?? items).toEqual(items)
          done.set(batch.idempotencyKey, items)
          if (one.op === 'done') inbox.settle()
        }
      }
      for (let batch = inbox.next(); batch !== undefined; batch = inbox.next()) {
        done.set(
          batch.idempotencyKey,
          batch.items.map(({ id }) => id),
        )
        inbox.settle()
      }
      const all = [...done.values()].flat()
      expect(new Set(all)).toEqual(sent)
      expect(all).toHaveLength(sent.size)
    }),
  )
})
