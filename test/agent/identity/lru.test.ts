import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Lru } from '../../../agent/identity/lru.ts'

describe('Lru', () => {
  it('drops the least recently used entry, and reading counts as use', () => {
    const lru = new Lru<number>({ maxEntries: 2, maxBytes: 100 })
    lru.set('a', 1, 1)
    lru.set('b', 2, 1)
    lru.get('a')
    lru.set('c', 3, 1)
    expect([lru.get('a'), lru.get('b'), lru.get('c'), lru.evictions]).toEqual([1, undefined, 3, 1])
  })

  it('keeps nothing that is larger than everything', () => {
    const lru = new Lru<number>({ maxEntries: 2, maxBytes: 100 })
    lru.set('a', 1, 101)
    expect([lru.size, lru.bytes]).toEqual([0, 0])
  })

  it('behaves as a Map in order of use that is trimmed after every write', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
    const step = fc.oneof(
      fc.record({ op: fc.constant('set' as const), key, bytes: fc.integer({ min: 0, max: 12 }) }),
      fc.record({ op: fc.constant('get' as const), key }),
      fc.record({ op: fc.constant('delete' as const), key }),
      fc.record({ op: fc.constant('clear' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const limits = { maxEntries: 3, maxBytes: 20 }
        const lru = new Lru<number>(limits)
        const model = new Map<string, number>()
        const bytes = (): number => [...model.values()].reduce((sum, value) => sum + value, 0)
        for (const now of steps) {
          if (now.op === 'clear') {
            lru.clear()
            model.clear()
          } else if (now.op === 'delete') {
            lru.delete(now.key)
            model.delete(now.key)
          } else if (now.op === 'get') {
            const value = model.get(now.key)
            expect(lru.get(now.key)).toBe(value)
            if (value !== undefined) {
              model.delete(now.key)
              model.set(now.key, value)
            }
          } else {
            lru.set(now.key, now.bytes, now.bytes)
            model.delete(now.key)
            model.set(now.key, now.bytes)
            while (model.size > limits.maxEntries || bytes() > limits.maxBytes) model.delete([...model.keys()][0] ?? '')
          }
          expect([lru.size, lru.bytes]).toEqual([model.size, bytes()])
        }
      }),
    )
  })
})
