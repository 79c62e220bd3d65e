import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ReplayStore, type SeenProof } from '../../../../agent/identity/dpop/replay-store.ts'

const seen = (thumbprint: string, jti: string, untilMs: number, request: string = randomUUID()): SeenProof => ({
  thumbprint,
  jti,
  untilMs,
  request,
})

const WIDE = { maxEntries: 1000, maxPerKey: 1000 }

it('forgets a proof a minute after it could be shown for the last time', () => {
  const store = new ReplayStore(WIDE)
  expect(store.remember(seen('k', 'a', 300_000), 0)).toBe('new')
  expect(store.remember(seen('k', 'a', 300_000), 360_000)).toBe('replayed')
  expect(store.remember(seen('k', 'b', 700_000), 370_000)).toBe('new')
  expect(store.size).toBe(1)
})

it('tells keys and identifiers apart that are written alike when joined', () => {
  const store = new ReplayStore(WIDE)
  expect(store.remember(seen('k', '.a', 1), 0)).toBe('new')
  expect(store.remember(seen('k', 'a', 1), 0)).toBe('new')
})

it('gives the room of one key back to it', () => {
  const store = new ReplayStore({ maxEntries: 10, maxPerKey: 1 })
  expect(store.remember(seen('k', 'a', 0), 0)).toBe('new')
  expect(store.remember(seen('k', 'b', 0), 0)).toBe('busy')
  expect(store.remember(seen('k', 'b', 100_000), 80_000)).toBe('new')
  expect(store.refused).toEqual({ replayed: 0, full: 0, busy: 1 })
})

it('holds every proof for as long as it counts, and never more than it may', () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    jti: fc.nat(20).map(String),
    wait: fc.integer({ min: 0, max: 50_000 }),
    left: fc.integer({ min: 0, max: 600_000 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const store = new ReplayStore({ maxEntries: 12, maxPerKey: 6 })
      const until = new Map<string, number>()
      let now = 0
      for (const { key, jti, wait, left } of steps) {
        now += wait
        const result = store.remember(seen(key, jti, now + left), now)
        const id = `${key} ${jti}`
        if ((until.get(id) ?? -1) >= now) expect(result).toBe('replayed')
        if (result === 'new') until.set(id, now + left)
        expect(store.size).toBeLessThanOrEqual(12)
      }
    }),
  )
})

it('the request that a proof came with may be asked about again, even when there is no room for others', () => {
  const store = new ReplayStore({ maxEntries: 1, maxPerKey: 1 })
  expect(store.remember(seen('k', 'a', 1000, 'request 1'), 0)).toBe('new')
  expect(store.remember(seen('k', 'a', 1000, 'request 1'), 0)).toBe('new')
  expect(store.remember(seen('k', 'a', 1000, 'request 2'), 0)).toBe('replayed')
  expect(store.remember(seen('k', 'b', 1000, 'request 3'), 0)).toBe('full')
  expect(store.size).toBe(1)
  expect(store.refused).toEqual({ replayed: 1, full: 1, busy: 0 })
})
